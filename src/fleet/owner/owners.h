// Who acts for which cluster, where several controllers run one stack.
//
// A cluster has one owner at a time, or none. An owner may record and act until its own deadline on
// the monotonic clock, counted from before it last asked for more time; who comes after it has
// waited for longer. A write of an owner is compared with its fence besides: one that comes too
// late is refused by the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace utakata {

struct Ownership {
  enum class Kind : std::uint8_t {
    nobody,  // or it cannot be known
    ours,
    others
  };
  Kind kind = Kind::nobody;
  // Of `ours`: the same number as long as nobody else has had the cluster in between, also over a
  // time in which we had lost it.
  std::int64_t tenure = 0;
  // Of `ours`: nobody else had it since an earlier life of ours; what that one kept to itself, such
  // as seats held, is all there is.
  bool is_inherited = false;
  // Of `others`, and of `ours` our own name.
  std::string controller{};
  std::string url{};  // of its API
  bool operator==(const Ownership&) const = default;
};

struct Controller {
  std::string name;
  std::string url;  // of its API
  bool operator==(const Controller&) const = default;
};

class Owners {
 public:
  virtual ~Owners() = default;
  // Any thread. The clusters that there are now, in the stack's order: those without an owner are
  // taken.
  virtual void want(std::vector<std::string> clusters) = 0;
  virtual std::vector<std::string> wanted() const = 0;
  // Any thread.
  virtual Ownership of(std::string_view cluster) const = 0;
  // Any thread. What each write for the cluster is compared with; none: we may not act for it now.
  virtual std::optional<std::int64_t> fence(std::string_view cluster) const = 0;
  // Any thread. The other controllers of the stack that are there now.
  virtual std::vector<Controller> others() const = 0;
};

}  // namespace utakata

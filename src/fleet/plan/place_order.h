// Which instance is next: the least score, or the fullest one that fits, among those that may take
// somebody. A tournament tree (least) and an ordered set (pack): O(log n) a change, O(1) or O(log
// n) a question.
#pragma once

#include <cstdint>
#include <limits>
#include <set>
#include <tuple>
#include <vector>

namespace utakata {

inline constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

class PlaceOrder {
 public:
  void reset(std::size_t slots, bool pack);  // forgets everything
  bool covers(std::uint32_t slot) const { return slot < leaves_.size(); }
  // `free` <= 0 takes it out. Among equal scores the smaller `tie` goes first.
  void set(std::uint32_t slot, double score, std::uint64_t tie, int free);
  // Many at once: put() each, then build(), in O(n) together.
  void put(std::uint32_t slot, double score, std::uint64_t tie, int free);
  void build();
  // The first by the order with at least `seats` free; where the first has fewer, the emptiest.
  // kNone: none has so many.
  std::uint32_t pick(int seats) const;

 private:
  struct Leaf {
    double score = std::numeric_limits<double>::infinity();
    std::uint64_t tie = 0;
    int free = 0;
  };
  struct Node {
    std::uint32_t first = kNone, emptiest = kNone;
  };
  Node winner_of(std::size_t node) const;  // from its children
  std::uint32_t better(std::uint32_t a, std::uint32_t b) const;
  std::uint32_t emptier(std::uint32_t a, std::uint32_t b) const;

  bool pack_ = false;
  std::size_t width_ = 1;
  std::vector<Leaf> leaves_;
  std::vector<Node>
      nodes_;  // a heap-shaped tree: node 1 is the root, the children of k are 2k and 2k + 1
  std::set<std::tuple<int, std::uint32_t>> packed_;  // free seats, slot
};

}  // namespace utakata

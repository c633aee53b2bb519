// What an app's folder leaves out when it is packed, in the words of .dockerignore.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace utakata {

// One pattern a line: `node_modules`, `*.log`, `**/test`, `logs/`, `!keep.log` takes back; the last
// that fits decides. A pattern fits a path, and everything below it. `*` and `?` stop at a slash.
// `#` begins a comment. `.git` is left out at any depth, and .dockerignore itself.
class Ignore {
 public:
  explicit Ignore(std::string_view text = {});
  bool leaves_out(std::string_view path) const;  // "logs/a.log", against the folder
  // No exception can lie below a folder that is left out: it need not be walked.
  bool has_exceptions() const { return has_exceptions_; }

 private:
  struct Pattern {
    std::vector<std::string> segments;
    bool takes_back = false;
  };
  std::vector<Pattern> patterns_;
  bool has_exceptions_ = false;
};

}  // namespace utakata

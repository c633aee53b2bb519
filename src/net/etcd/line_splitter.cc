#include "net/etcd/line_splitter.h"

namespace utakata::net {

bool LineSplitter::feed(std::string_view bytes, const std::function<void(std::string_view)>& line) {
  while (!is_broken_) {
    const auto end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    is_broken_ = part.size() > bytes_max_ - begun_.size();
    if (is_broken_) break;
    if (end == bytes.npos) {
      begun_ += part;
      return true;
    }
    bytes.remove_prefix(end + 1);
    if (begun_.empty()) {
      if (!part.empty()) line(part);
      continue;
    }
    begun_ += part;
    line(begun_);
    begun_.clear();
  }
  begun_ = {};
  return false;
}

}  // namespace utakata::net

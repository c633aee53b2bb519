#include "fleet/provider/docker/log_frames.h"

#include <cstdint>

namespace utakata {
namespace {

constexpr std::size_t head_bytes = 8, frame_bytes_max = 1 << 20;

std::size_t length_of(std::string_view head) {
  std::uint32_t length = 0;
  for (const char c : head.substr(4, 4)) length = length << 8 | static_cast<unsigned char>(c);
  return length;
}

}  // namespace

bool LogFrames::feed(std::string_view bytes, std::string& text) {
  if (is_broken_) return false;
  rest_ += bytes;
  std::string_view left = rest_;
  while (left.size() >= head_bytes) {
    const std::size_t length = length_of(left);
    is_broken_ = length > frame_bytes_max || left[0] > 2;
    if (is_broken_) return false;
    if (left.size() < head_bytes + length) break;
    std::string_view said = left.substr(head_bytes, length);
    left.remove_prefix(head_bytes + length);
    if (const auto space = said.find(' '); space != said.npos) {
      last_time_ = said.substr(0, space);
      said.remove_prefix(space + 1);
    }
    text += said;
  }
  rest_.erase(0, rest_.size() - left.size());
  return true;
}

}  // namespace utakata

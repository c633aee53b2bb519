// Numbers and texts as bytes, and back without trust.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace utakata {

class ByteWriter {
 public:
  void byte(std::uint8_t value) { bytes_.push_back(char(value)); }
  void number(std::uint64_t value);  // LEB128
  void signed_number(std::int64_t value);
  void text(std::string_view value);
  void real(double value);  // see observation_blob.h
  std::string take() { return std::move(bytes_); }
  std::string_view bytes() const { return bytes_; }
  void clear() { bytes_.clear(); }  // its memory is kept

 private:
  std::string bytes_;
};

// Once something was wrong every read answers zero or nothing, and is_good() false.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : left_(bytes) {}
  std::uint8_t byte();
  std::uint64_t number();
  std::int64_t signed_number();
  std::string text() { return std::string(view()); }
  std::string_view view();  // of a text, where it lies in the bytes
  double real();
  bool is_good() const { return is_good_; }
  std::size_t left() const { return left_.size(); }
  void fail() { is_good_ = false, left_ = {}; }

 private:
  std::string_view left_;
  bool is_good_ = true;
};

}  // namespace utakata

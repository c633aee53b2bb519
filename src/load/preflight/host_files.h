// Small files of /proc and /sys as texts and numbers. Private to this folder.
#pragma once

#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace utakata::load {

inline std::string file_text(const std::string& path) {  // empty: there is none
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::vector<std::string_view> words_in(std::string_view text,
                                              std::string_view between = " \t\n") {
  std::vector<std::string_view> words;
  while (true) {
    const auto begin = text.find_first_not_of(between);
    if (begin == text.npos) return words;
    text.remove_prefix(begin);
    words.push_back(text.substr(0, text.find_first_of(between)));
    text.remove_prefix(words.back().size());
  }
}

// "max" and "unlimited" are none, and so is a number that only stands for them.
inline std::optional<std::int64_t> number_in(std::string_view word) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  const bool is_number = error == std::errc() && end == word.data() + word.size();
  // Version 1 of cgroups writes a limit that is none as the largest multiple of a page.
  if (!is_number || number >= std::int64_t{1} << 60) return std::nullopt;
  return number;
}

inline std::optional<std::int64_t> word_number(std::string_view text, std::size_t index) {
  const auto words = words_in(text);
  return index < words.size() ? number_in(words[index]) : std::nullopt;
}

inline std::optional<std::int64_t> file_number(const std::string& path, std::size_t index = 0) {
  return word_number(file_text(path), index);
}

// What follows `name` in the line that begins with it: of "MemAvailable:  123 kB" that is
// "  123 kB". Empty: there is no such line.
inline std::string_view line_after(std::string_view text, std::string_view name) {
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view line = text.substr(at, text.find('\n', at) - at);
    if (line.starts_with(name)) return line.substr(name.size());
    at += line.size() + 1;
  }
  return {};
}

}  // namespace utakata::load

#include "fleet/provider/docker/log_follow.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <ctime>

#include "net/descriptor.h"

namespace utakata {
namespace {

// "2026-11-23T08:27:49.605576259Z"
std::optional<timespec> time_from(const std::string& text) {
  tm parts{};
  const char* const rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (!rest) return std::nullopt;
  timespec time{.tv_sec = timegm(&parts), .tv_nsec = 0};
  if (*rest != '.') return time;
  long scale = 100'000'000;
  for (const char* digit = rest + 1; *digit >= '0' && *digit <= '9' && scale > 0; ++digit)
    time.tv_nsec += (*digit - '0') * scale, scale /= 10;
  return time;
}

// The moment after the last line that the file has, as the Engine wants it.
std::string since(const std::string& path) {
  struct stat about{};
  if (stat(path.c_str(), &about) != 0) return "0";
  const bool is_last = about.st_mtim.tv_nsec == 999'999'999;
  return fmt::format("{}.{:09}", about.st_mtim.tv_sec + is_last,
                     is_last ? 0 : about.st_mtim.tv_nsec + 1);
}

}  // namespace

LogFollow::LogFollow(Engine& engine, const std::string& source, std::string path,
                     std::function<void()> ended)
    : engine_(engine), path_(std::move(path)) {
  follow_ = engine_.follow(
      fmt::format("{}/logs?follow=1&stdout=1&stderr=1&timestamps=1&since={}", source, since(path_)),
      [this](std::string_view bytes) { take(bytes); },
      [this, ended = std::move(ended)](const Problem&) {
        follow_.reset();
        ended();
      });
}

LogFollow::~LogFollow() {
  if (follow_) engine_.forget(*follow_);
}

// What cannot be written, on a full disk, is lost here, and the Engine still has it.
void LogFollow::take(std::string_view bytes) {
  std::string text;
  frames_.feed(bytes, text);
  if (text.empty()) return;
  const net::Descriptor file{open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644)};
  if (!file) return;
  if (write(file.get(), text.data(), text.size()) < 0) return;
  const auto time = time_from(frames_.last_time());
  if (!time) return;
  const timespec both[2] = {*time, *time};
  futimens(file.get(), both);
}

}  // namespace utakata

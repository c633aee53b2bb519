#include "cli/load_outputs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "load/report/csv.h"
#include "load/report/html.h"
#include "load/report/junit.h"
#include "load/report/prometheus.h"
#include "load/report/report_json.h"
#include "net/descriptor.h"

namespace utakata {
namespace {

namespace fs = std::filesystem;

using ReportText = std::string (*)(const load::LoadReport&);
struct Output {
  std::string path;
  ReportText text;
};

std::vector<Output> files_of(const LoadOutputs& outputs) {
  std::vector<Output> files;
  const auto add = [&](const std::string& path, const char* usual, ReportText text) {
    if (!path.empty()) files.push_back({path, text});
    if (!outputs.folder.empty()) files.push_back({fs::path(outputs.folder) / usual, text});
  };
  add(outputs.json, "report.json", &load::to_json);
  add(outputs.csv, "report.csv", &load::to_csv);
  add(outputs.junit, "junit.xml", &load::to_junit);
  add(outputs.html, "report.html", &load::to_html);
  if (!outputs.prometheus.empty()) files.push_back({outputs.prometheus, &load::to_prometheus});
  return files;
}

std::unexpected<Problem> cannot_write(const std::string& path) {
  return problem(Problem::Kind::invalid,
                 fmt::format("{} cannot be written: {}.", path, std::strerror(errno)));
}

// Where it really is, so that a link stays one; and the name it has until it is whole.
fs::path target_of(const std::string& path) {
  std::error_code error;
  const fs::path target = fs::canonical(path, error);
  return error ? fs::path(path) : target;
}
fs::path unfinished(const fs::path& target) {
  return target.parent_path() / fmt::format(".{}.{}", target.filename().string(), getpid());
}
bool is_no_file(const fs::path& target) {
  std::error_code error;
  return fs::exists(target, error) && !fs::is_regular_file(target, error);
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t gone = ::write(descriptor, text.data(), text.size());
    if (gone < 0 && errno == EINTR) continue;
    if (gone <= 0) return false;
    text.remove_prefix(std::size_t(gone));
  }
  return true;
}

Expected<void> check_output(const std::string& path) {
  const fs::path target = target_of(path);
  std::error_code error;
  if (fs::is_directory(target, error)) {
    errno = EISDIR;
    return cannot_write(path);
  }
  if (is_no_file(target)) {
    if (access(target.c_str(), W_OK) != 0) return cannot_write(path);
    return {};
  }
  const fs::path fresh = unfinished(target);
  const net::Descriptor file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.get() < 0) return cannot_write(path);
  unlink(fresh.c_str());
  return {};
}

}  // namespace

Expected<void> check_outputs(const LoadOutputs& outputs) {
  std::error_code error;
  if (!outputs.folder.empty() && !fs::is_directory(outputs.folder, error) &&
      !fs::create_directories(outputs.folder, error)) {
    errno = error ? error.value() : ENOTDIR;
    return cannot_write(outputs.folder);
  }
  for (const Output& output : files_of(outputs))
    if (const auto can = check_output(output.path); !can) return can;
  return {};
}

Expected<void> replace_file(const std::string& path, const std::string& text) {
  const fs::path target = target_of(path);
  if (is_no_file(target)) {
    const net::Descriptor file(open(target.c_str(), O_WRONLY | O_CLOEXEC));
    if (file.get() < 0 || !write_all(file.get(), text)) return cannot_write(path);
    return {};
  }
  const fs::path fresh = unfinished(target);
  const net::Descriptor file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.get() < 0) return cannot_write(path);
  if (write_all(file.get(), text) && rename(fresh.c_str(), target.c_str()) == 0) return {};
  const auto why = cannot_write(path);
  unlink(fresh.c_str());
  return why;
}

std::vector<std::string> write_outputs(const LoadOutputs& outputs, const load::LoadReport& report) {
  std::vector<std::string> failures;
  for (const Output& output : files_of(outputs))
    if (const auto written = replace_file(output.path, output.text(report)); !written)
      failures.push_back(written.error().what);
  return failures;
}

}  // namespace utakata

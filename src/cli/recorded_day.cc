#include "cli/recorded_day.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "cli/parameter_options.h"
#include "cli/running.h"
#include "cli/target.h"
#include "fleet/stack/stack_file.h"
#include "fleet/store/sqlite/record_reader.h"
#include "zones/zones.h"

namespace utakata {
namespace {

constexpr int kChunk = 500;  // blobs at once: some MB for 1,000 instances

// A killed controller's file tells of its store as well.
Expected<std::string> recorded_store(const RecordedDayOptions& options) {
  if (!options.store.empty()) return options.store;
  if (!options.stack.empty()) {
    if (const auto found = read_running(options.stack)) return found->store;
    return problem(Problem::Kind::not_found,
                   fmt::format("nothing is known here of a stack {}: name its store with --store",
                               options.stack));
  }
  const auto all = all_running();
  if (all.size() == 1) return all.front().store;
  return problem(Problem::Kind::invalid,
                 all.empty() ? "no stack is known here: name the file of its record with --store"
                             : "several stacks are known here: say which with --stack");
}

Expected<Stack> parsed_stack(const std::string& text, const std::string& name,
                             const std::string& folder, const RecordedDayOptions& options) {
  const auto parameters = parameters_from(options.parameters);
  if (!parameters) return std::unexpected(parameters.error());
  auto stack = parse_stack({.text = text,
                            .folder = folder,
                            .parameters = *parameters,
                            .zone_of = load_zone,
                            .zone_names = zone_names});
  if (stack) return std::move(*stack);
  std::string what = to_text(stack.error(), name);
  if (what.ends_with('\n')) what.pop_back();
  return problem(Problem::Kind::invalid, what);
}

Expected<Stack> stack_of_file(const std::string& path, const RecordedDayOptions& options) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  if (!file || !(text << file.rdbuf()))
    return problem(Problem::Kind::invalid, path + " cannot be read: name a stack file");
  std::error_code error;
  const auto folder = std::filesystem::absolute(path, error).parent_path().lexically_normal();
  return parsed_stack(text.str(), path, folder.string(), options);
}

Expected<Stack> recorded_stack(RecordReader& reader, const std::string& store,
                               const RecordedDayOptions& options) {
  if (!options.with.empty()) return stack_of_file(options.with, options);
  auto text = reader.setting("stack_file");
  if (!text) return std::unexpected(text.error());
  if (text->empty())
    return problem(Problem::Kind::invalid,
                   store + " has no stack file in it: name one with --with");
  std::error_code error;
  const auto folder = std::filesystem::absolute(store, error).parent_path().lexically_normal();
  return parsed_stack(*text, "the record's stack file", folder.string(), options);
}

Expected<std::vector<RecordedCluster>> read_record(RecordReader& reader, const Stack& stack,
                                                   const RecordedDayOptions& options,
                                                   WallTime since, std::int64_t& damaged) {
  Recording recording(stack);
  for (std::int64_t after = 0;;) {
    const auto rows = reader.observations(options.cluster, since, after, kChunk);
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) break;
    for (const ObservationRow& row : *rows) recording.add(row.cluster, row.at, row.blob);
    after = rows->back().number;
  }
  damaged = recording.damaged();
  return recording.finish();
}

Expected<std::optional<Duration>> given_time(const char* option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto time = duration_from(text);
  if (!time || *time < 1ms || *time > 24h * 366)
    return problem(Problem::Kind::invalid,
                   fmt::format("{} must be a time such as 30s or 10m, not {}", option, text));
  return time;
}

Expected<void> add_day(ReplayReport& report, const RecordedDayOptions& options, Stack stack,
                       const std::string& name) {
  ReplayOptions replaying;
  replaying.stack = std::move(stack);
  replaying.seed = options.seed;
  const auto boot = given_time("--boot", options.boot),
             session = given_time("--session", options.session);
  if (!boot) return std::unexpected(boot.error());
  if (!session) return std::unexpected(session.error());
  replaying.boot = *boot;
  replaying.session = *session;
  report.names.push_back(name);
  for (ReplayReport::Cluster& cluster : report.clusters) {
    if (isatty(STDERR_FILENO)) fmt::print(stderr, "\r{} ...", cluster.happened.name);
    auto day = replay(cluster.happened, replaying);
    if (isatty(STDERR_FILENO)) fmt::print(stderr, "\r\x1b[K");
    if (!day) return std::unexpected(day.error());
    cluster.days.push_back(std::move(*day));
  }
  return {};
}

std::optional<WallTime> instant_from(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t length) -> int {
    int value = -1;
    if (text.size() < at + length) return -1;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + length, value);
    return error == std::errc{} && end == text.data() + at + length ? value : -1;
  };
  const bool has_seconds = text.size() == 20;
  if ((text.size() != 17 && !has_seconds) || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != ' ') || text[13] != ':' || text.back() != 'Z' ||
      (has_seconds && text[16] != ':'))
    return std::nullopt;
  const int hour = number(11, 2), minute = number(14, 2), second = has_seconds ? number(17, 2) : 0;
  const auto day = std::chrono::year(number(0, 4)) / number(5, 2) / number(8, 2);
  if (!day.ok() || number(0, 4) < 1970 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 59)
    return std::nullopt;
  return std::chrono::sys_days(day) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace

std::optional<WallTime> since_from(std::string_view text, WallTime now) {
  if (text == "yesterday") {
    const std::time_t seconds = to_ms(now) / 1000;
    std::tm local{};
    localtime_r(&seconds, &local);
    local.tm_hour = local.tm_min = local.tm_sec = 0;
    local.tm_mday -= 1;
    local.tm_isdst = -1;
    return WallTime(std::chrono::seconds(std::mktime(&local)));
  }
  if (const auto time = duration_from(text); time && *time > Duration{0})
    return now - std::chrono::floor<std::chrono::milliseconds>(*time);
  return instant_from(text);
}

Expected<ReplayReport> recorded_day(const RecordedDayOptions& options, const std::string& name) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto since = since_from(options.since, now);
  if (!since)
    return problem(Problem::Kind::invalid,
                   fmt::format("--since must be a time such as 24h, yesterday or "
                               "2026-11-21T00:00Z, not {}",
                               options.since));
  const auto store = recorded_store(options);
  if (!store) return std::unexpected(store.error());
  auto reader = RecordReader::open(*store);
  if (!reader) return std::unexpected(reader.error());
  auto stack = recorded_stack(**reader, *store, options);
  if (!stack) return std::unexpected(stack.error());
  ReplayReport report{.stack = stack->name, .price = stack->price};
  auto happened = read_record(**reader, *stack, options, *since, report.damaged);
  if (!happened) return std::unexpected(happened.error());
  std::erase_if(*happened, [](const RecordedCluster& one) { return one.length < 20s; });
  if (happened->empty())
    return problem(
        Problem::Kind::not_found,
        fmt::format(
            "{} has not 20 s of observations{} since {}{}", *store,
            options.cluster.empty() ? "" : " of " + options.cluster, to_text(*since),
            report.damaged > 0 ? fmt::format(" ({} of them cannot be read)", report.damaged) : ""));
  for (RecordedCluster& one : *happened) report.clusters.push_back({std::move(one), {}});
  const std::string first = options.with.empty() ? name : options.with;
  if (auto added = add_day(report, options, std::move(*stack), first); !added)
    return std::unexpected(added.error());
  if (options.against.empty()) return report;
  auto other = stack_of_file(options.against, options);
  if (!other) return std::unexpected(other.error());
  if (auto added = add_day(report, options, std::move(*other), options.against); !added)
    return std::unexpected(added.error());
  return report;
}

int show_day(const RecordedDayOptions& options, const ReplayReport& report,
             const std::string& text) {
  if (!options.html.empty()) {
    std::ofstream file(options.html, std::ios::binary);
    if (!(file << replay_html(report)) || !file.flush()) {
      fmt::print(stderr, "utakata: {} cannot be written: name another file for --html.\n",
                 options.html);
      return 2;
    }
  }
  put(options.wants_json ? replay_json(report) : text);
  for (const ReplayReport::Cluster& cluster : report.clusters)
    for (const ReplayedCluster& day : cluster.days)
      if (!day.day.broken.empty()) return 1;
  return 0;
}

void add_recorded_day(CLI::App& command, RecordedDayOptions& options) {
  command.add_option("--stack", options.stack, "The stack; the only one known here by default")
      ->envname("UTAKATA_STACK");
  command.add_option("--store", options.store, "The file of its record, instead of --stack");
  command.add_option("--since", options.since,
                     "24h, yesterday or 2026-11-21T00:00Z; 24h by default");
  command.add_option("--cluster", options.cluster, "This one alone");
  command.add_option("--with", options.with,
                     "A stack file to do it with, instead of the record's own");
  command.add_option("--boot", options.boot,
                     "From launch to ready; the median of those recorded by default");
  command.add_option("--session", options.session,
                     "How long people stay; as recorded, or 30m, by default");
  command.add_option("--seed", options.seed, "Another one is another day; 1 by default");
  command.add_option("--html", options.html, "Writes a page with charts to this file");
  command.add_option("-p,--parameter", options.parameters, "name=value, for a parameter")
      ->allow_extra_args(false);
  command.add_flag("--json", options.wants_json, "Prints everything as JSON");
}

}  // namespace utakata

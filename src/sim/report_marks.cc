#include "sim/report_marks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/html.h"
#include "base/text.h"
#include "sim/report_rows.h"

namespace utakata {
namespace {

constexpr int kPlaces = 250;             // on the axis: at least a pixel each on a phone
constexpr std::size_t kTextsMost = 5;    // told by a mark that stands for many
constexpr std::size_t kRowsMost = 3000;  // of the table; JSON has them all

// The order of the lanes: what grows, what shrinks, what heals, what holds back.
constexpr std::array<std::string_view, 11> kKinds = {"fault",   "launch",    "resume",   "drain",
                                                     "replace", "stop",      "suspect",  "trust",
                                                     "brake",   "brake_off", "held_back"};

bool is_decision(const Activity& activity) {
  return activity.phase == Activity::Phase::intent || activity.kind == "brake" ||
         activity.kind == "brake_off" || activity.kind == "held_back";
}

bool concerns(const Activity& activity, const SimResult& result, const std::string& cluster) {
  return activity.cluster == cluster ||
         std::ranges::find(result.clusters, activity.cluster, &SimCluster::name) ==
             result.clusters.end();
}

std::string what_of(const Activity& activity) {
  const std::string& who = activity.instance.empty() ? activity.cluster : activity.instance;
  std::string text = who.empty() ? activity.because : who + ": " + activity.because;
  if (!activity.limited_by.empty()) text += " [limited by " + activity.limited_by + "]";
  if (activity.by != "utakata") text += " [by " + activity.by + "]";
  if (activity.cut) text += " [" + plural(*activity.cut, "client") + " cut]";
  return text;
}

struct Group {
  std::size_t count = 0;
  Duration first{}, last{};
  std::vector<std::pair<std::string, std::size_t>> texts;  // with how often; the first few
  std::size_t others = 0;                                  // marks whose text is not among them

  void add(const Mark& mark) {
    if (count++ == 0) first = mark.at;
    last = mark.at;
    const auto same =
        std::ranges::find(texts, mark.what, [](const auto& text) { return text.first; });
    if (same != texts.end())
      ++same->second;
    else if (texts.size() < kTextsMost)
      texts.emplace_back(mark.what, 1);
    else
      ++others;
  }
};

std::string told(const Group& group, const std::string& kind) {
  const std::string first = clock_text_with_seconds(group.first);
  const std::string last = clock_text_with_seconds(group.last);
  if (group.count == 1) return fmt::format("{} {} {}", first, kind, group.texts.front().first);
  std::string text = fmt::format("{} x {}, {}", thousands(std::int64_t(group.count)), kind, first);
  if (first != last) text += " to " + last;
  for (const auto& [what, times] : group.texts)
    text += times == 1 ? "\n" + what : fmt::format("\n{} x {}", times, what);
  if (group.others) text += fmt::format("\nand {} more", thousands(std::int64_t(group.others)));
  return text;
}

// As html_text, but lines stay lines (the page's CSS keeps them).
std::string lines_html(std::string_view text) {
  std::string out;
  for (;;) {
    const auto end = text.find('\n');
    out += html_text(text.substr(0, end));
    if (end == text.npos) return out;
    out += "\n";
    text.remove_prefix(end + 1);
  }
}

using Places = std::map<int, Group>;

std::string lane_html(const std::string& kind, const Places& places) {
  std::string out = fmt::format("<div class=\"lane\"><span>{}</span><div>", html_text(kind));
  const bool is_known = std::ranges::find(kKinds, kind) != kKinds.end();
  for (const auto& [place, group] : places) {
    const double left = 100.0 * place / kPlaces;
    out += fmt::format(
        "\n<b class=\"mark {}{}{}\" tabindex=\"0\" style=\"left:{:.4g}%\"><i>{}</i></b>",
        is_known ? kind : "other", group.count > 1 ? " many" : "", left > 50 ? " late" : "", left,
        lines_html(told(group, kind)));
  }
  return out + "</div></div>\n";
}

}  // namespace

std::vector<Mark> marks_of(const SimResult& result, const std::string& cluster) {
  std::vector<Mark> marks;
  for (const Activity& activity : result.activities)
    if (is_decision(activity) && concerns(activity, result, cluster))
      marks.push_back({activity.at - result.began, activity.kind, what_of(activity)});
  return marks;
}

std::vector<Mark> marks_of(std::span<const SimFault> faults) {
  std::vector<Mark> marks;
  for (const SimFault& fault : faults) marks.push_back({fault.at, "fault", fault.what});
  return marks;
}

std::string lanes_html(std::span<const Mark> marks, const ChartAxis& axis) {
  std::map<std::string, Places> lanes;
  for (const Mark& mark : marks) {
    const int place = std::min(kPlaces - 1, int(axis.percent(mark.at) * kPlaces / 100));
    lanes[mark.kind][place].add(mark);
  }
  std::string out;
  for (const std::string_view kind : kKinds)
    if (const auto lane = lanes.extract(std::string(kind)))
      out += lane_html(lane.key(), lane.mapped());
  for (const auto& [kind, places] : lanes) out += lane_html(kind, places);
  return out;
}

std::string marks_table_html(std::span<const Mark> marks) {
  std::string out = "<table class=\"list\">\n";
  for (const Mark& mark : marks.first(std::min(kRowsMost, marks.size())))
    out +=
        fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                    clock_text_with_seconds(mark.at), html_text(mark.kind), html_text(mark.what));
  out += "</table>\n";
  if (marks.size() > kRowsMost)
    out += fmt::format("<p>... and {} more, which the JSON has.</p>\n",
                       thousands(std::int64_t(marks.size() - kRowsMost)));
  return out;
}

}  // namespace utakata

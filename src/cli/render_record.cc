#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/lenient_json.h"
#include "cli/render.h"

namespace utakata {
namespace {

using Json = nlohmann::json;

Colour colour_of(const std::string& kind) {
  if (kind == "suspect" || kind == "brake" || kind.ends_with("failed") || kind.ends_with("_lost"))
    return Colour::bad;
  if (kind == "launch" || kind == "ready" || kind == "trust" || kind == "resume")
    return Colour::good;
  if (kind == "drain" || kind == "stop" || kind == "gone") return Colour::warn;
  return Colour::none;
}

// "2026-11-22T02:14:33.120Z" as "2026-11-22 02:14:33.120"
std::string time_text(std::string at) {
  std::ranges::replace(at, 'T', ' ');
  if (at.ends_with('Z')) at.pop_back();
  return printable(at);
}

std::string line_of(const Json& activity, const Style& style) {
  const std::string instance = text_in(activity, "instance"), kind = text_in(activity, "kind");
  const std::string who = instance.empty() ? text_in(activity, "cluster") : instance;
  const bool is_outcome = text_in(activity, "phase") == "outcome";
  std::string out = coloured(time_text(text_in(activity, "at")), Colour::dim, style);
  out += fmt::format("  {:<14} {} {}", printable(who.empty() ? "-" : who), is_outcome ? " " : ">",
                     coloured(fmt::format("{:<13}", printable(kind)), colour_of(kind), style));
  out += " " + printable(text_in(activity, "because"));
  if (const auto limit = text_in(activity, "limited_by"); !limit.empty())
    out += fmt::format(" [limited by {}]", printable(limit));
  if (const auto by = text_in(activity, "by"); !by.empty() && by != "utakata")
    out += fmt::format(" [by {}]", printable(by));
  if (const auto cut = number_in(activity, "cut"))
    out += fmt::format(" [{} cut]", plural(*cut, "client"));
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "\n";
}

// Where launches may go; nothing where there is only one host.
std::string hosts_text(const Json& json, const Style& style) {
  Table hosts({"HOST", "ZONE", "INSTANCES>", ""});
  for (const auto& host : list_in(json, "hosts")) {
    const std::string passed_over = text_in(host, "passed_over");
    const bool is_lost = !flag_in(host, "up"), is_closed = !flag_in(host, "open");
    std::string note = is_lost ? "lost" : is_closed ? "takes no new ones" : "";
    if (note.empty() && !passed_over.empty()) note = "passed over: " + passed_over;
    const auto there = number_in(host, "instances");
    hosts.add({{text_in(host, "host")},
               {text_in(host, "zone")},
               {there ? fmt::format("{}", *there) : "-"},
               {note, is_lost ? Colour::bad : Colour::warn}});
  }
  return hosts.is_empty() ? "" : "\n" + hosts.to_text(style);
}

}  // namespace

RenderedActivities render_activities(const std::string& text, const Style& style) {
  RenderedActivities rendered;
  const Json json = json_from(text);
  for (const auto& activity : list_in(json, "activities")) {
    rendered.text += line_of(activity, style);
    rendered.last_number =
        std::max<std::int64_t>(rendered.last_number, number_in(activity, "number").value_or(0));
  }
  return rendered;
}

std::string render_explain(const std::string& text, const Style& style) {
  const Json json = json_from(text);
  const Json& want = object_in(json, "want");
  const auto instances = number_in(want, "instances");
  std::string out = fmt::format("{} wants {}", printable(text_in(json, "cluster")),
                                instances ? plural(*instances, "instance") : "nothing yet");
  if (const auto winner = text_in(want, "winner"); !winner.empty())
    out += fmt::format(", says {}", printable(winner));
  if (const auto because = text_in(want, "because"); !because.empty())
    out += ": " + printable(because);
  out += "\n";
  if (const auto limit = text_in(want, "limited_by"); !limit.empty())
    out += "  limited by " + printable(limit) + "\n";
  if (const auto held = text_in(json, "held_back"); !held.empty())
    out += "  held back by " + printable(held) + "\n";
  if (flag_in(json, "braked"))
    out += coloured("  the brake is on: too many are suspected at once, nobody is given up",
                    Colour::bad, style) +
           "\n";
  for (const auto& show : list_in(json, "shows"))
    out +=
        coloured(fmt::format("  show {}, {}: {}", printable(text_in(show, "show")),
                             printable(text_in(show, "phase")), printable(text_in(show, "line"))),
                 flag_in(show, "go") ? Colour::good : Colour::none, style) +
        "\n";
  if (const auto frozen = text_in(json, "frozen"); !frozen.empty())
    out += "  frozen: " + printable(frozen) + "\n";
  Table proposals({"RULE", "WANTS>", "BECAUSE"});
  for (const auto& proposal : list_in(json, "proposals")) {
    const auto wanted = number_in(proposal, "want");
    const std::string rule = text_in(proposal, "rule");
    proposals.add({{rule, rule == text_in(want, "winner") ? Colour::good : Colour::none},
                   {wanted ? fmt::format("{}", *wanted) : "-"},
                   {wanted || !text_in(proposal, "because").empty() ? text_in(proposal, "because")
                                                                    : "no opinion"}});
  }
  if (!proposals.is_empty()) out += "\n" + proposals.to_text(style);
  out += hosts_text(json, style);
  std::string actions;
  for (const auto& action : list_in(json, "actions"))
    if (action.is_string()) actions += "  " + printable(action.get<std::string>()) + "\n";
  std::string withheld;
  for (const auto& action : list_in(json, "withheld"))
    if (action.is_string()) withheld += "  " + printable(action.get<std::string>()) + "\n";
  if (!withheld.empty()) withheld = "\nwould do, had it the power:\n" + withheld;
  return out + (actions.empty() ? "\nnothing to do\n" : "\ndoes now:\n" + actions) + withheld;
}

}  // namespace utakata

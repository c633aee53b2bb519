// What is seen of a run while it goes on: on a terminal one screen that renews itself, with the
// lines of the scenario above it; otherwise a line every few seconds. On stderr, all but the lines
// of the scenario. Never waits: what a terminal or a pipe does not take at once is not shown.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.h"
#include "load/report/load_report.h"
#include "load/report/load_state.h"
#include "load/view/recent.h"

namespace utakata {

class LoadScreen {
 public:
  // `lines`: where those of the scenario go, stdout or stderr.
  LoadScreen(std::FILE* lines, bool is_quiet);

  bool is_live() const { return is_live_; }
  // Of the scenario: so many a second at most, and so long.
  void line(std::string_view text, Instant now);
  std::uint64_t unshown() const { return unshown_; }  // lines
  // Lines wait for this above a screen, which is drawn anew once for all of them: call it some
  // times a second.
  void flush();
  void note(std::string_view sentence);  // of ours; nothing is quiet about it
  void show(const load::LoadReport& report, const load::LoadState& state,
            const load::Recent& recent, Instant now);
  void clear();  // what was drawn

 private:
  void draw(const load::LoadReport& report, const load::LoadState& state,
            const load::Recent& recent);
  std::string erased();  // what erases it
  std::string drawn();   // what draws it again

  struct Row {
    std::string text;
    std::size_t columns = 0;
  };
  std::FILE* const lines_;
  const bool is_quiet_;
  bool is_live_ = false, are_lines_seen_ = false;
  std::vector<Row> rows_;  // of the screen
  bool is_drawn_ = false;  // they stand there
  std::string waiting_;    // lines
  Instant second_{}, told_{};
  std::uint64_t in_second_ = 0, unshown_ = 0;
};

}  // namespace utakata

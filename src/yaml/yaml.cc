#include "yaml/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace utakata {
namespace {

constexpr std::size_t bytes_max = 1024 * 1024;
constexpr std::size_t depth_max = 32;
constexpr std::size_t values_max = 50'000;

// Builds the tree from yaml-cpp's events. Throws a Mistake where going on makes no sense.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(std::vector<Mistake>& mistakes) : mistakes_(mistakes) {}
  Yaml take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    leaf(made(mark, Yaml::Kind::nothing));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    note(mark, "Aliases (`*name`) are not supported: write the value out, or use a parameter.");
    leaf(made(mark, Yaml::Kind::refused));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    Yaml y = made(mark, Yaml::Kind::text);
    y.is_quoted = tag == "!";
    y.text = value;
    leaf(std::move(y));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(made(mark, Yaml::Kind::list));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(made(mark, Yaml::Kind::map));
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    Yaml value;
    std::optional<Yaml> key;                        // of a map: read, its value not yet
    std::map<std::string, int, std::less<>> lines;  // of a map: the keys so far
  };

  void note(const YAML::Mark& mark, std::string what) {
    mistakes_.push_back({mark.line + 1, mark.column + 1, std::move(what)});
  }
  Yaml made(const YAML::Mark& mark, Yaml::Kind kind) {
    if (++values_ > values_max)
      throw Mistake{mark.line + 1, mark.column + 1,
                    "The file has more than 50,000 values: split it into several stacks."};
    Yaml y;
    y.kind = kind;
    y.line = mark.line + 1, y.column = mark.column + 1;
    return y;
  }
  void open(Yaml y) {
    if (levels_.size() >= depth_max)
      throw Mistake{y.line, y.column,
                    "This is nested more than 32 levels deep: no stack file needs that."};
    levels_.push_back({std::move(y), {}, {}});
  }
  void close() {
    Yaml y = std::move(levels_.back().value);
    levels_.pop_back();
    leaf(std::move(y));
  }
  void leaf(Yaml y) {
    if (levels_.empty()) {
      root_ = std::move(y);
      return;
    }
    Level& top = levels_.back();
    if (top.value.kind == Yaml::Kind::map) return pair(top, std::move(y));
    top.value.items.push_back(std::move(y));
  }
  void pair(Level& top, Yaml y) {
    if (!top.key) {
      top.key = std::move(y);
      return;
    }
    const Yaml key = std::move(*top.key);
    top.key.reset();
    if (key.kind == Yaml::Kind::refused) return;
    if (key.kind != Yaml::Kind::text) {
      mistakes_.push_back({key.line, key.column, "A key must be plain text, such as `run`."});
      return;
    }
    const auto [twin, is_new] = top.lines.emplace(key.text, key.line);
    if (!is_new) {
      mistakes_.push_back({key.line, key.column,
                           fmt::format("{} stands twice here, first on line {}: keep one of them.",
                                       in_ticks(key.text), twin->second)});
      return;
    }
    y.key = key.text, y.key_line = key.line, y.key_column = key.column;
    top.value.items.push_back(std::move(y));
  }

  std::vector<Mistake>& mistakes_;
  std::vector<Level> levels_;
  Yaml root_;
  std::size_t values_ = 0;
};

}  // namespace

const Yaml* Yaml::find(std::string_view wanted) const {
  if (kind != Kind::map) return nullptr;
  const auto found = std::ranges::find(items, wanted, &Yaml::key);
  return found == items.end() ? nullptr : &*found;
}

std::optional<Yaml> read_yaml(std::string_view text, std::vector<Mistake>& mistakes,
                              std::string_view needs) {
  if (text.size() > bytes_max) {
    mistakes.push_back({1, 1, "The file is larger than 1 MB: split it into several stacks."});
    return std::nullopt;
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder(mistakes);
    if (!parser.HandleNextDocument(builder)) {
      mistakes.push_back({1, 1, "The file is empty: " + std::string(needs)});
      return std::nullopt;
    }
    std::vector<Mistake> unheard;
    Builder rest(unheard);
    if (parser.HandleNextDocument(rest)) {
      const Yaml second = rest.take();
      mistakes.push_back({second.line, second.column,
                          "A second document begins here: a file describes one stack."});
    }
    return builder.take();
  } catch (const Mistake& mistake) {
    mistakes.push_back(mistake);
  } catch (const YAML::Exception& e) {
    mistakes.push_back(
        {e.mark.line + 1, e.mark.column + 1, fmt::format("This is not YAML: {}.", e.msg)});
  } catch (const std::exception& e) {
    mistakes.push_back({1, 1, fmt::format("This is not YAML: {}.", e.what())});
  }
  return std::nullopt;
}

}  // namespace utakata

#include "load/addon/users.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "load/addon/call.h"
#include "load/addon/values.h"
#include "load/plan/load_plan.h"

namespace utakata::load {

Users::Users(net::Loop& loop, Caller& caller, const LoadPlan& plan, Part part, Duration starts_in)
    : loop_(loop), caller_(caller), schedule_(plan, part), start_(loop.now() + starts_in) {
  arm();
}

Users::~Users() { loop_.cancel(timer_); }

Duration Users::elapsed() const { return paused_at_.value_or(loop_.now()) - start_; }

void Users::arm() {
  loop_.cancel(timer_);
  if (paused_at_ || is_over_) return;
  const Duration now = elapsed();
  if (schedule_.is_over(now)) {
    is_over_ = true;
    const Scope scope(caller_.env());
    return caller_.call("over", std::array<napi_value, 0>{});
  }
  if (const auto next = schedule_.next(now))
    timer_ = loop_.after(std::max(*next - now, Duration{}), [this] { serve(); });
}

// user(number, scenario, late_ms), leave(number); who comes last may be told both. Whoever is
// called may call done() at once.
void Users::serve() {
  const Schedule::Turn turn = schedule_.at(std::max(elapsed(), Duration{}));
  is_serving_ = true;
  napi_env env = caller_.env();
  for (const UserBegin& user : turn.begin) {
    const Scope scope(env);
    const double late_ms = to_seconds(elapsed() - user.meant) * 1000;
    caller_.call("user",
                 std::array{number_value(env, double(user.number)),
                            number_value(env, double(user.scenario)), number_value(env, late_ms)});
  }
  for (const std::int64_t number : turn.leave) {
    const Scope scope(env);
    caller_.call("leave", std::array{number_value(env, double(number))});
  }
  is_serving_ = false;
  arm();
}

void Users::done(std::int64_t number) {
  schedule_.done(number, elapsed());
  if (!is_serving_) arm();
}

void Users::end() {
  pause(false);
  schedule_.end();
  serve();
}

void Users::pause(bool is_paused) {
  if (is_paused == paused_at_.has_value()) return;
  if (is_paused)
    paused_at_ = loop_.now();
  else
    start_ += loop_.now() - *std::exchange(paused_at_, std::nullopt);
  arm();
}

void Users::more(double factor) {
  schedule_.more(factor, std::max(elapsed(), Duration{}));
  arm();
}

namespace {

// Of the plan, then of the scenario: [name, value, ...].
napi_value tags_value(napi_env env, const Tags& of_plan, const Tags& of_scenario) {
  napi_value list = nullptr;
  napi_create_array(env, &list);
  std::uint32_t at = 0;
  for (const Tags* const tags : {&of_plan, &of_scenario})
    for (const Tag& tag : *tags) {
      napi_set_element(env, list, at++, text_value(env, tag.name));
      napi_set_element(env, list, at++, text_value(env, tag.value));
    }
  return list;
}

// begin(plan, worker, workers, in_ms): the scenarios' names, functions, models and tags, [name,
// function, "open" or "closed", [tag, value, ...], ...]; where a tag stands twice the last is
// meant. `plan` is the text of a LoadPlan.
napi_value begin(napi_env env, napi_callback_info info) {
  const Call<4> call(env, info);
  if (!call.is_good) return nullptr;
  const auto text = call.text(0);
  const auto worker = call.number(1), workers = call.number(2), in_ms = call.number(3);
  if (!text || !worker || !workers || !in_ms) return nullptr;
  const auto plan = read_load_plan(*text);
  if (!plan || *workers == 0 || *worker >= *workers) {
    throw_error(env, plan ? "a worker is one of all" : to_text(plan.error(), "the plan"));
    return nullptr;
  }
  call.engine->begin(*plan, {*worker, *workers}, std::chrono::milliseconds(*in_ms));
  napi_value list = nullptr;
  napi_create_array(env, &list);
  std::uint32_t at = 0;
  for (const LoadFlow& flow : plan->flows)
    for (const LoadScenario& scenario : flow.scenarios) {
      const bool is_open = std::holds_alternative<OpenModel>(flow.model);
      napi_set_element(env, list, at++, text_value(env, scenario.name));
      napi_set_element(env, list, at++, text_value(env, scenario.exec));
      napi_set_element(env, list, at++, text_value(env, is_open ? "open" : "closed"));
      napi_set_element(env, list, at++, tags_value(env, plan->tags, scenario.tags));
    }
  return list;
}

// Their engine's, which have begun; nothing: an exception was thrown.
Users* users_of(napi_env env, Engine* engine) {
  if (!engine->users()) throw_error(env, "call begin() first");
  return engine->users();
}

// done(number)
napi_value done(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info);
  double number = -1;
  if (!call.is_good) return nullptr;
  napi_get_value_double(env, call.arguments[0], &number);
  if (auto* const users = users_of(env, call.engine)) users->done(std::int64_t(number));
  return undefined(env);
}

// end()
napi_value end(napi_env env, napi_callback_info info) {
  const Call<0> call(env, info);
  if (!call.is_good) return nullptr;
  if (auto* const users = users_of(env, call.engine)) users->end();
  return undefined(env);
}

// pause(is_paused)
napi_value pause(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info);
  bool is_paused = false;
  if (!call.is_good) return nullptr;
  napi_get_value_bool(env, call.arguments[0], &is_paused);
  if (auto* const users = users_of(env, call.engine)) users->pause(is_paused);
  return undefined(env);
}

// more(factor)
napi_value more(napi_env env, napi_callback_info info) {
  const Call<1> call(env, info);
  double factor = 1;
  if (!call.is_good) return nullptr;
  napi_get_value_double(env, call.arguments[0], &factor);
  if (!(factor >= 0)) factor = 0;
  if (auto* const users = users_of(env, call.engine)) users->more(std::min(factor, 1000.0));
  return undefined(env);
}

}  // namespace

void add_users(napi_env env, napi_value exports) {
  add(env, exports, "begin", begin);
  add(env, exports, "done", done);
  add(env, exports, "end", end);
  add(env, exports, "pause", pause);
  add(env, exports, "more", more);
}

}  // namespace utakata::load

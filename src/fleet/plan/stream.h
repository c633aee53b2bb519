// Reactive streams on a virtual clock, as small as rules need them: a value is pushed with its
// time, and everything below has run when push() returns, in the order it was attached.
// Deterministic; no clock, no thread, no queue.
//
// A Stream is a handle (copies are the same stream) and *hot*: who attaches later sees only later
// values. Upstream owns downstream, so a pipeline lives as long as its source. References handed
// down are valid during the push only. Times never go back. All operators are O(1) a value but
// where said otherwise.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/instant.h"

namespace utakata {

template <class T>
struct Stamped {
  Instant at{};
  T value{};
  bool operator==(const Stamped&) const = default;
};

// What sustained() makes of a value.
template <class T>
struct Sustained {
  const T* value = nullptr;     // valid during the push
  std::optional<bool> verdict;  // of this value; none: it could not be told
  Duration lasted{};   // how long the verdict has been true without a break; zero when it is not
  bool holds = false;  // true throughout the asked time
};

template <class T>
class Stream {
 public:
  using Listener = std::function<void(Instant, const T&)>;

  Stream() : listeners_(std::make_shared<std::vector<Listener>>()) {}

  void push(Instant at, const T& value) const {
    for (const Listener& listener : *listeners_) listener(at, value);
  }
  // Ends a pipeline, or continues it by hand. Not from within a push.
  void each(Listener listener) const { listeners_->push_back(std::move(listener)); }

  template <class F>
  auto map(F change) const {
    Stream<std::decay_t<std::invoke_result_t<F&, const T&>>> out;
    each([out, change](Instant at, const T& value) mutable { out.push(at, change(value)); });
    return out;
  }

  template <class F>
  Stream<T> filter(F passes) const {
    Stream<T> out;
    each([out, passes](Instant at, const T& value) mutable {
      if (passes(value)) out.push(at, value);
    });
    return out;
  }

  // Keeps a state: next(state, at, value) changes it in place and answers what goes on.
  template <class State, class F>
  auto scan(State first, F next) const {
    Stream<std::decay_t<std::invoke_result_t<F&, State&, Instant, const T&>>> out;
    each([out, state = std::move(first), next](Instant at, const T& value) mutable {
      out.push(at, next(state, at, value));
    });
    return out;
  }

  // With each value, all of the last `length`: those of (at - length, at], oldest first. Memory is
  // theirs.
  Stream<std::deque<Stamped<T>>> window(Duration length) const {
    Stream<std::deque<Stamped<T>>> out;
    each([out, length, kept = std::deque<Stamped<T>>{}](Instant at, const T& value) mutable {
      kept.push_back({at, value});
      while (at - kept.front().at >= length && kept.size() > 1) kept.pop_front();
      out.push(at, kept);
    });
    return out;
  }

  // Whether `verdict` (a value -> optional<bool>) has been true throughout the last `length`. What
  // was not seen is not taken for true: a value without a verdict neither continues nor proves, so
  // the wait begins anew after it, as it does after a false one; and so it does when two values are
  // more than `gap_max` apart (a controller that was frozen).
  template <class F>
  Stream<Sustained<T>> sustained(Duration length, Duration gap_max, F verdict) const {
    Stream<Sustained<T>> out;
    each([out, length, gap_max, verdict, since = std::optional<Instant>{},
          last = std::optional<Instant>{}](Instant at, const T& value) mutable {
      Sustained<T> now{.value = &value, .verdict = verdict(value)};
      if (now.verdict != true || (last && at - *last > gap_max)) since.reset();
      if (now.verdict == true && !since) since = at;
      last = at;
      if (since) now.lasted = at - *since;
      now.holds = since && now.lasted >= length;
      out.push(at, now);
    });
    return out;
  }

  // The first value, and then each that comes at least `pause` after the last that passed. Nothing
  // is kept for later: what holds must be offered again, as a condition is at each tick, and then
  // passes at the first tick from `pause` after the last that passed on.
  Stream<T> throttle(Duration pause) const {
    Stream<T> out;
    each([out, pause, passed = std::optional<Instant>{}](Instant at, const T& value) mutable {
      if (passed && at - *passed < pause) return;
      passed = at;
      out.push(at, value);
    });
    return out;
  }

  // The values of both, as they come.
  Stream<T> merge(const Stream<T>& other) const {
    Stream<T> out;
    for (const Stream<T>* source : {this, &other})
      source->each([out](Instant at, const T& value) { out.push(at, value); });
    return out;
  }

 private:
  std::shared_ptr<std::vector<Listener>> listeners_;
};

}  // namespace utakata

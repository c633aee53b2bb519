// How long clients stay, as observed, and so when a draining instance will be empty. Pure values.
#pragma once

#include <optional>

#include "base/instant.h"

namespace utakata {

// What became of the connections between two counts.
struct Flow {
  double departed = 0;            // clients that left
  double connection_seconds = 0;  // of the instances whose departures can be told
  double closed = 0;              // those that left an instance which was asked to close them
};

class Departures {
 public:
  void note(Instant now, const Flow& flow);

  // When the last of `clients` will have left, with a probability of 90 %: sessions are taken to be
  // exponential, so none of n is left after t with (1 - e^(-ht))^n, h the departures for each
  // connection and second (of about the last half hour). `pace`: clients that it closes a second;
  // 0: none. None: too little was seen yet (fewer than 20 departures), and nothing is closed.
  std::optional<Duration> empty_within(int clients, double pace) const;

 private:
  double departed_ = 0, connection_seconds_ = 0;  // both fade, by half in half an hour
  Instant last_{};
  bool is_begun_ = false;
};

}  // namespace utakata

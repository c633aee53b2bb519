#include "fleet/plan/place_order.h"

#include <bit>

namespace utakata {

void PlaceOrder::reset(std::size_t slots, bool pack) {
  pack_ = pack;
  width_ = std::bit_ceil(slots < 2 ? std::size_t{2} : slots);
  leaves_.assign(width_, {});
  nodes_.assign(width_, {});
  packed_.clear();
}

std::uint32_t PlaceOrder::better(std::uint32_t a, std::uint32_t b) const {
  if (a == kNone) return b;
  if (b == kNone) return a;
  const Leaf &left = leaves_[a], &right = leaves_[b];
  if (left.score != right.score) return left.score < right.score ? a : b;
  return left.tie <= right.tie ? a : b;
}

std::uint32_t PlaceOrder::emptier(std::uint32_t a, std::uint32_t b) const {
  if (a == kNone) return b;
  if (b == kNone) return a;
  return leaves_[a].free >= leaves_[b].free ? a : b;
}

void PlaceOrder::put(std::uint32_t slot, double score, std::uint64_t tie, int free) {
  if (pack_) {
    if (leaves_[slot].free > 0) packed_.erase({leaves_[slot].free, slot});
    if (free > 0) packed_.insert({free, slot});
  }
  leaves_[slot] = {score, tie, free};
}

// The left child goes first among equals, so that the same calls give the same choices.
PlaceOrder::Node PlaceOrder::winner_of(std::size_t node) const {
  if (node * 2 >= width_) {
    const auto entrant = [&](std::size_t leaf) {
      return leaves_[leaf].free > 0 ? std::uint32_t(leaf) : kNone;
    };
    const std::uint32_t left = entrant(node * 2 - width_), right = entrant(node * 2 - width_ + 1);
    return {better(left, right), emptier(left, right)};
  }
  const Node &left = nodes_[node * 2], &right = nodes_[node * 2 + 1];
  return {better(left.first, right.first), emptier(left.emptiest, right.emptiest)};
}

void PlaceOrder::set(std::uint32_t slot, double score, std::uint64_t tie, int free) {
  put(slot, score, tie, free);
  if (pack_) return;
  for (std::size_t node = (width_ + slot) / 2; node >= 1; node /= 2) nodes_[node] = winner_of(node);
}

void PlaceOrder::build() {
  if (pack_) return;
  for (std::size_t node = width_ - 1; node >= 1; --node) nodes_[node] = winner_of(node);
}

std::uint32_t PlaceOrder::pick(int seats) const {
  if (pack_) {
    const auto found = packed_.lower_bound({seats, 0});
    return found == packed_.end() ? kNone : std::get<1>(*found);
  }
  const Node& root = nodes_[1];
  if (root.first == kNone) return kNone;
  if (leaves_[root.first].free >= seats) return root.first;
  return leaves_[root.emptiest].free >= seats ? root.emptiest : kNone;
}

}  // namespace utakata

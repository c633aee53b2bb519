#include "sim/company.h"

#include <fmt/format.h>

#include "sim/desk.h"
#include "sim/lives.h"

namespace utakata {
namespace {

constexpr Duration kClientPatience{10s};

}  // namespace

Company::Company(Timeline& timeline, Hosts& hosts, std::uint64_t seed)
    : etcd(timeline, seed * 11 + 3),
      engine(timeline, hosts),
      timeline_(timeline),
      random_(seed * 13 + 4) {}

void Company::add(Lives& lives) {
  all.push_back(&lives);
  from_etcd_.push_back(0);
  from_others_.push_back(0);
}

void Company::cut_from_etcd(std::size_t who, int more) {
  from_etcd_[who] += more;
  if (from_etcd_[who] == 0) all[who]->etcd_is_back();
}

std::string Company::url_of(std::size_t who) { return fmt::format("http://c{}", who); }

Lives* Company::find(const std::string& url) const {
  for (std::size_t i = 0; i < all.size(); ++i)
    if (url == url_of(i)) return all[i];
  return nullptr;
}

// None: who was asked is not there.
Lives* Company::anybody() {
  Lives* const one = all[random_.below(all.size())];
  return one->desk() ? one : nullptr;
}

void Company::ask(DoorQuestion question, std::function<void(const DoorAnswer&)> done) {
  Lives* const to = anybody();
  if (!to) return done({});
  auto call = std::make_shared<Desk::Call>();
  call->question = std::move(question);
  auto is_over = std::make_shared<bool>(false);
  call->answer = [done = std::move(done), is_over](const DoorAnswer& answer) {
    if (!std::exchange(*is_over, true)) done(answer);
  };
  timeline_.after(kClientPatience, [call] { call->answer({}); });
  to->arrives([to, call] { to->desk()->take(call); });
}

void Company::give_back(const std::string& cluster, std::uint64_t placement) {
  Lives* const to = anybody();
  if (!to) return;
  auto call = std::make_shared<Desk::Call>();
  call->question.cluster = cluster;
  call->given_back = placement;
  call->answer = [](const DoorAnswer&) {};
  to->arrives([to, call] { to->desk()->take(call); });
}

}  // namespace utakata

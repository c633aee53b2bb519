#include "fleet/model/observation_blob.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <optional>

#include "fleet/model/byte_codec.h"

namespace utakata {
namespace {

constexpr std::uint8_t version = 1,
                       version_with_hosts =
                           2;  // so that what has none stays readable to elder programs
constexpr std::size_t instances_max = 1'000'000, metrics_max = 10'000;
constexpr std::size_t answers_max = 1000, hosts_max = 10'000;
constexpr std::int64_t age_max = std::int64_t{366} * 24 * 3600 * 1000;  // ms

enum Flag : std::uint32_t {
  asked = 1 << 0,
  answered = 1 << 1,
  ready = 1 << 2,
  has_count = 1 << 3,
  has_accepted = 1 << 4,
  has_metrics = 1 << 5,
  metric_is_count = 1 << 6,  // metrics[0] is the count and is left out
  has_seats = 1 << 7,        // either is not zero
  out_of_placement = 1 << 8,
  suspect = 1 << 9,
  id_is_text = 1 << 10,
  lifecycle_shift = 11,  // three bits
};
constexpr std::uint32_t lifecycle_bits = 7;
constexpr std::uint32_t flags_end = 1u << 14;

// What was left out by both sides of the delta coding: the former instance.
struct Former {
  std::int64_t number = 0;
  std::uint32_t flags = flags_end;  // none: no instance has these
};

std::optional<std::int64_t> id_number(std::string_view cluster, std::string_view id) {
  if (id.size() < cluster.size() + 2 || id.size() > cluster.size() + 10) return std::nullopt;
  if (!id.starts_with(cluster) || id[cluster.size()] != '-') return std::nullopt;
  id.remove_prefix(cluster.size() + 1);
  if (id[0] < '1' || id[0] > '9') return std::nullopt;  // "-07" would not come back as it was
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size()) return std::nullopt;
  return number;
}

bool is_same_number(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

std::uint32_t flags_of(const Instance& one, const Sight& sight, const SeatSight& seats,
                       std::size_t metrics) {
  std::uint32_t flags = std::uint32_t(one.lifecycle) << lifecycle_shift;
  const auto set = [&](bool holds, Flag flag) { flags |= holds ? flag : 0u; };
  set(sight.asked, asked);
  set(sight.answered, answered);
  set(sight.ready, ready);
  set(sight.count.has_value(), has_count);
  set(sight.accepted && *sight.accepted >= 0, has_accepted);
  const bool told = metrics > 0 && sight.metrics.size() == metrics;
  set(told, has_metrics);
  set(told && sight.count && is_same_number(sight.metrics[0], sight.count->connections),
      metric_is_count);
  set(seats.seats_held > 0 || seats.keys > 0, has_seats);
  set(seats.out_of_placement, out_of_placement);
  set(one.suspect, suspect);
  return flags;
}

void put_id(ByteWriter& out, std::string_view cluster, std::string_view id, std::uint32_t flags,
            Former& former) {
  const auto number = id_number(cluster, id);
  if (!number) flags |= id_is_text;
  if (number && flags == former.flags && *number == former.number + 1) {
    out.number(0);
  } else {
    out.number(1);
    out.number(flags);
    if (number)
      out.signed_number(*number - former.number);
    else
      out.text(id);
  }
  if (number) former.number = *number;
  former.flags = flags;
}

void put_instance(ByteWriter& out, Instant now, const Sight& sight, const SeatSight& seats,
                  std::uint32_t flags) {
  if (flags & has_count) {
    out.number(std::uint64_t(std::max(0, sight.count->connections)));
    out.signed_number(to_ms(now - sight.count->at));
  }
  if (flags & has_accepted) out.number(std::uint64_t(*sight.accepted));
  if (flags & has_metrics)
    for (std::size_t i = flags & metric_is_count ? 1 : 0; i < sight.metrics.size(); ++i)
      out.real(sight.metrics[i]);
  if (flags & has_seats) {
    out.number(std::uint64_t(std::max(0, seats.seats_held)));
    out.number(std::uint64_t(std::max(0, seats.keys)));
  }
}

void put_news(ByteWriter& out, const std::vector<ProviderNews>& news) {
  constexpr std::size_t what_max = 300;  // a sentence; a provider may quote a whole log
  out.number(news.size());
  for (const ProviderNews& one : news) {
    out.number(std::uint64_t(one.kind) << 1 | std::uint64_t(one.retry));
    out.text(one.id.text);
    out.text(one.handle);
    out.text(one.address.host);
    out.number(one.address.port);
    out.text(std::string_view(one.what).substr(0, what_max));
  }
}

void put_answers(ByteWriter& out, const std::vector<FunctionAnswer>& answers) {
  out.number(answers.size());
  for (const FunctionAnswer& one : answers) {
    out.text(one.function);
    out.real(one.want);
    out.signed_number(to_ms(one.age));
    out.text(one.because);
  }
}

void take_answers(ByteReader& in, std::vector<FunctionAnswer>& answers) {
  const std::uint64_t count = in.number();
  if (count > answers_max) in.fail();
  for (std::uint64_t i = 0; i < count && in.is_good(); ++i) {
    FunctionAnswer one{.function = in.text(), .because = {}};
    one.want = in.real();
    one.age = std::chrono::milliseconds{std::clamp<std::int64_t>(in.signed_number(), 0, age_max)};
    one.because = in.text();
    answers.push_back(std::move(one));
  }
}

void put_hosts(ByteWriter& out, const std::vector<Host>& hosts) {
  out.number(hosts.size());
  for (const Host& one : hosts) {
    out.number((one.is_up ? 1u : 0u) | (one.is_open ? 2u : 0u));
    out.text(one.name);
    out.text(one.zone);
  }
}

void take_hosts(ByteReader& in, std::vector<Host>& hosts) {
  const std::uint64_t count = in.number();
  if (count > hosts_max) in.fail();
  for (std::uint64_t i = 0; i < count && in.is_good(); ++i) {
    const std::uint64_t state = in.number();
    if (state > 3) in.fail();
    Host one{.name = in.text(), .zone = {}, .is_up = (state & 1) != 0, .is_open = (state & 2) != 0};
    one.zone = in.text();
    hosts.push_back(std::move(one));
  }
}

int small(ByteReader& in) {  // an int that is not negative
  const std::uint64_t value = in.number();
  if (value > 0x7fffffff) in.fail();
  return in.is_good() ? int(value) : 0;
}

InstanceId take_id(ByteReader& in, const std::string& cluster, Former& former) {
  const std::uint64_t head = in.number();
  if (head == 1) {
    const std::uint64_t flags = in.number();
    if (flags >= flags_end ||
        (flags >> lifecycle_shift & lifecycle_bits) > std::uint64_t(Lifecycle::gone))
      in.fail();
    former.flags = std::uint32_t(flags);
    if (flags & id_is_text) return {in.text()};
    const std::int64_t step = in.signed_number();
    if (step > 10'000'000'000 || step < -10'000'000'000)
      in.fail();
    else
      former.number += step;
  } else {
    if (head != 0 || former.flags >= flags_end || former.flags & id_is_text) in.fail();
    former.number += 1;
  }
  if (former.number < 1 || former.number > 999'999'999) in.fail();
  return {cluster + "-" + std::to_string(former.number)};
}

void take_instance(ByteReader& in, SeenTick& tick, std::uint32_t flags, std::size_t metrics,
                   bool has_sights, bool has_seat_sights) {
  Sight sight;
  sight.asked = flags & asked;
  sight.answered = flags & answered;
  sight.ready = flags & ready;
  if (flags & has_count) {
    const int connections = small(in);
    const std::int64_t age_ms = in.signed_number();
    if (age_ms > 86'400'000'000 || age_ms < -86'400'000'000)
      in.fail();
    else
      sight.count = Count{connections, tick.observation.at - std::chrono::milliseconds(age_ms)};
  }
  if (flags & has_accepted) sight.accepted = std::int64_t(in.number() & 0x7fffffffffffffff);
  if (flags & has_metrics) {
    if (flags & metric_is_count)
      sight.metrics.push_back(sight.count ? sight.count->connections : 0);
    while (in.is_good() && sight.metrics.size() < metrics) sight.metrics.push_back(in.real());
  }
  SeatSight seats;
  seats.out_of_placement = flags & out_of_placement;
  if (flags & has_seats) seats.seats_held = small(in), seats.keys = small(in);
  if (has_sights) tick.observation.sights.push_back(std::move(sight));
  if (has_seat_sights) tick.observation.seats.push_back(seats);
}

void take_news(ByteReader& in, std::vector<ProviderNews>& news) {
  const std::uint64_t count = in.number();
  for (std::uint64_t i = 0; i < count && in.is_good(); ++i) {
    ProviderNews one{};
    const std::uint64_t kind = in.number();
    if (kind >> 1 > std::uint64_t(ProviderNews::Kind::gone)) in.fail();
    one.kind = ProviderNews::Kind(kind >> 1);
    one.retry = kind & 1;
    one.id = {in.text()};
    one.handle = in.text();
    one.address.host = in.text();
    one.address.port = std::uint16_t(in.number());
    one.what = in.text();
    news.push_back(std::move(one));
  }
}

// What the tick as a whole is: bits of one varint.
constexpr std::uint64_t is_late = 1, with_sights = 2, with_seats = 4, with_granted = 8,
                        with_answers = 16;

}  // namespace

std::string encode_tick(std::string_view cluster, const Fleet& fleet, const Observation& seen) {
  const std::size_t metrics = fleet.spec.metrics.size();
  ByteWriter out;
  out.byte(seen.hosts.empty() ? version : version_with_hosts);
  out.text(cluster);
  out.signed_number(to_ms(seen.wall));
  out.signed_number(seen.at.time_since_epoch().count());
  out.number((seen.late ? is_late : 0) | (seen.sights.empty() ? 0 : with_sights) |
             (seen.seats.empty() ? 0 : with_seats) | (seen.granted > 0 ? with_granted : 0) |
             (seen.answers.empty() ? 0 : with_answers));
  out.number(std::uint64_t(std::max(0, seen.waiting)));
  if (seen.granted > 0) out.number(std::uint64_t(seen.granted));
  if (!seen.answers.empty()) put_answers(out, seen.answers);
  if (!seen.hosts.empty()) put_hosts(out, seen.hosts);
  out.number(metrics);
  out.number(fleet.instances.size());
  const Sight no_sight;
  const SeatSight no_seats;
  Former former;
  for (std::size_t i = 0; i < fleet.instances.size(); ++i) {
    const Sight& sight = i < seen.sights.size() ? seen.sights[i] : no_sight;
    const SeatSight& seats = i < seen.seats.size() ? seen.seats[i] : no_seats;
    const std::uint32_t flags = flags_of(fleet.instances[i], sight, seats, metrics);
    put_id(out, cluster, fleet.instances[i].id.text, flags, former);
    put_instance(out, seen.at, sight, seats, flags);
  }
  put_news(out, seen.news);
  return out.take();
}

Expected<SeenTick> decode_tick(std::string_view blob) {
  const auto refuse = [](const char* why) {
    return problem(Problem::Kind::invalid,
                   std::string("an observation in the store cannot be read: ") + why);
  };
  ByteReader in(blob);
  const std::uint8_t form_of_it = blob.empty() ? std::uint8_t{0} : in.byte();
  if (form_of_it != version && form_of_it != version_with_hosts)
    return refuse("it is empty or of a newer version");
  SeenTick tick;
  tick.cluster = in.text();
  tick.observation.wall = WallTime{std::chrono::milliseconds{in.signed_number()}};
  // Kept far from the ends of the number line, so that ages can be taken from it.
  const std::int64_t at = in.signed_number();
  if (at > std::int64_t{1} << 62 || at < -(std::int64_t{1} << 62)) in.fail();
  tick.observation.at = Instant{Duration{at}};
  const std::uint64_t form = in.number();
  tick.observation.late = form & is_late;
  tick.observation.waiting = small(in);
  if (form & with_granted) tick.observation.granted = std::int64_t(in.number() & INT64_MAX);
  if (form & with_answers) take_answers(in, tick.observation.answers);
  if (form_of_it == version_with_hosts) take_hosts(in, tick.observation.hosts);
  const std::uint64_t metrics = in.number(), instances = in.number();
  if (!in.is_good() || metrics > metrics_max || instances > instances_max || instances > in.left())
    return refuse("it is cut short or damaged");
  Former former;
  for (std::uint64_t i = 0; i < instances && in.is_good(); ++i) {
    SeenInstance one;
    one.id = take_id(in, tick.cluster, former);
    one.lifecycle = Lifecycle(former.flags >> lifecycle_shift & lifecycle_bits);
    one.suspect = former.flags & suspect;
    if (!in.is_good()) break;
    tick.instances.push_back(std::move(one));
    take_instance(in, tick, former.flags, metrics, form & with_sights, form & with_seats);
  }
  take_news(in, tick.observation.news);
  if (!in.is_good() || in.left() > 0) return refuse("it is cut short or damaged");
  return tick;
}

}  // namespace utakata

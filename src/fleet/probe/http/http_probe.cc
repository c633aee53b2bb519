#include "fleet/probe/http/http_probe.h"

#include <fmt/format.h>

#include <utility>

namespace utakata {
namespace {

constexpr std::size_t json_bytes_max =
    256 * 1024;  // a list of every room may stand beside the count
constexpr std::size_t prometheus_bytes_max =
    4 * 1024 * 1024;  // ten thousand lines of labels are not rare
constexpr std::size_t ready_bytes_max = 64 * 1024;

std::vector<std::string> headers_of(CountSpec::Kind kind) {
  const bool is_prometheus = kind == CountSpec::Kind::prometheus;
  return {"User-Agent: utakata-probe",
          is_prometheus ? "Accept: text/plain; version=0.0.4" : "Accept: application/json"};
}

std::unique_ptr<CountReader> reader_of(const ClusterSpec& spec) {
  return spec.count.kind == CountSpec::Kind::prometheus ? make_prometheus_reader(spec)
                                                        : make_json_reader(spec);
}

}  // namespace

HttpProbe::HttpProbe(net::Loop& loop, net::HttpClient& client, const ClusterSpec& spec,
                     ListenerCheck listener)
    : loop_(loop),
      count_(spec.count),
      ready_(spec.ready),
      reader_(reader_of(spec)),
      headers_(headers_of(spec.count.kind)),
      answer_bytes_max_(spec.count.kind == CountSpec::Kind::prometheus ? prometheus_bytes_max
                                                                       : json_bytes_max),
      listener_(std::move(listener)),
      asking_(loop, client) {}

void HttpProbe::look(std::span<const ProbeTarget> targets, Duration deadline,
                     std::function<void(std::vector<Sight>)> done) {
  done_ = std::move(done);
  looked_.assign(targets.size(), {});
  asking_.begin(deadline, [this] { end(); });
  for (std::uint32_t i = 0; i < targets.size(); ++i) ask(targets[i], i);
  asking_.all_asked();
}

void HttpProbe::ask(const ProbeTarget& target, std::uint32_t index) {
  Looked& looked = looked_[index];
  looked.sight.asked = true;
  looked.is_starting = target.starting;
  if (target.starting && listener_) {
    if (const auto own = listener_(target); !own) {
      looked.listens = false;
      looked.sight.problem = own.error().what;
      return;  // a stranger's numbers are not asked for
    }
  }
  asking_.turn_to(target);
  asking_.get(
      target.address, count_.path, headers_, answer_bytes_max_,
      [this, index](Expected<net::HttpResult> result) { on_count(index, std::move(result)); });
  if (target.starting && !ready_.http.empty())
    asking_.get(target.address, ready_.http, headers_, ready_bytes_max,
                [this, index](Expected<net::HttpResult> result) { on_ready(index, result); });
  if (target.suspect && !ready_.handshake.empty())
    asking_.handshake(target.address, ready_.handshake,
                      [this, index](Expected<net::HttpResult> result) {
                        looked_[index].shakes_hands = result.has_value();
                      });
}

void HttpProbe::on_count(std::uint32_t index, Expected<net::HttpResult> result) {
  Sight& sight = looked_[index].sight;
  const auto complain = [&](std::string_view what) {
    sight.problem = fmt::format("GET {}: {}", count_.path, what);
  };
  if (!result) return complain(result.error().what);
  if (result->status < 200 || result->status > 299)
    return complain(fmt::format("answered {}", result->status));
  auto reading = reader_->read(result->body);
  if (!reading) return complain(reading.error().what);
  sight.answered = true;
  sight.count = Count{reading->connections, loop_.now()};
  sight.accepted = reading->accepted;
  sight.metrics = std::move(reading->metrics);
  if (!reading->complaint.empty()) complain(reading->complaint);
}

void HttpProbe::on_ready(std::uint32_t index, const Expected<net::HttpResult>& result) {
  Looked& looked = looked_[index];
  looked.is_ready = result && result->status >= 200 && result->status <= 299;
  if (looked.is_ready || !looked.sight.problem.empty()) return;
  looked.sight.problem =
      fmt::format("GET {}: {}", ready_.http,
                  result ? fmt::format("answered {}", result->status) : result.error().what);
}

void HttpProbe::end() {
  std::vector<Sight> sights;
  sights.reserve(looked_.size());
  for (Looked& looked : looked_) {
    Sight& sight = looked.sight;
    sight.ready = sight.answered && looked.listens && (!looked.is_starting || looked.is_ready);
    if (looked.shakes_hands) sight.answered = true;
    sights.push_back(std::move(sight));
  }
  std::exchange(done_, nullptr)(std::move(sights));  // may destroy this
}

}  // namespace utakata

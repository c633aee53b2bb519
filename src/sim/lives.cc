#include "sim/lives.h"

#include <fmt/format.h>

namespace utakata {

class Lives::CrashingStore final : public Store {
 public:
  CrashingStore(Store& inner, Lives& lives) : inner_(inner), lives_(lives) {}
  Expected<Saved> load() override { return inner_.load(); }
  Expected<void> record(Batch& batch) override {
    lives_.step();
    auto done = inner_.record(batch);
    if (done) {
      lives_.recorded_at_.resize(lives_.store_.all_activities().size(),
                                 lives_.timeline_.since_begin());
      lives_.on_record(batch);
    }
    lives_.step();
    return done;
  }
  Expected<void> set(std::string_view name, std::string_view text) override {
    return inner_.set(name, text);
  }
  Expected<std::vector<Activity>> activities(const ActivityQuery& query) override {
    return inner_.activities(query);
  }
  // A day of thousands of instances would be gigabytes.
  Expected<void> observe(std::string_view, WallTime, std::string_view) override { return {}; }
  Expected<std::vector<ObservationRow>> observations(std::string_view cluster, std::int64_t after,
                                                     int limit) override {
    return inner_.observations(cluster, after, limit);
  }

 private:
  Store& inner_;
  Lives& lives_;
};

class Lives::CrashingProvider final : public Provider {
 public:
  CrashingProvider(Provider& inner, Lives& lives) : inner_(inner), lives_(lives) {}
  Expected<void> launch(const InstanceId& id, const LaunchSpec& spec) override {
    return between([&] {
      auto asked = inner_.launch(id, spec);
      lives_.on_launch(id, spec, asked.has_value());
      return asked;
    });
  }
  void release(const InstanceId& id, const std::string& handle) override {
    between([&] { return inner_.release(id, handle), Expected<void>{}; });
  }
  void adopt(const InstanceId& id, const std::string& handle, const Address& address) override {
    inner_.adopt(id, handle, address);
  }
  Expected<void> stop(const InstanceId& id, Duration grace) override {
    return between([&] {
      lives_.on_stop(id);
      return inner_.stop(id, grace);
    });
  }
  std::vector<Host> hosts() const override { return inner_.hosts(); }
  std::vector<ProviderNews> hear() override { return inner_.hear(); }
  void on_news(std::function<void()> wake) override {
    inner_.on_news([&lives = lives_, wake = std::move(wake)] { lives.hold(wake); });
  }

 private:
  template <class Order>
  Expected<void> between(Order order) {
    lives_.step();
    auto done = order();
    lives_.step();
    return done;
  }
  Provider& inner_;
  Lives& lives_;
};

// Its answers wait while the controller is frozen.
class Lives::HeldProbe final : public Probe {
 public:
  HeldProbe(Lives& lives, const ClusterSpec& spec)
      : inner_(lives.hosts_, lives.timeline_, spec),
        lives_(lives),
        every_(spec.every),
        due_(lives.timeline_.now()) {}
  void look(std::span<const ProbeTarget> targets, Duration deadline,
            std::function<void(std::vector<Sight>)> done) override {
    const Instant now = lives_.timeline_.now();
    const bool overslept = now - due_ > 2 * every_;
    due_ += every_;
    if (due_ <= now) due_ = now + every_;
    inner_.look(
        targets, deadline,
        [&lives = lives_, life = lives_.life_, overslept, awake_until = now + 2 * every_,
         done = std::move(done)](auto asked, auto sights) {
          lives.hold([=, &lives, asked = std::move(asked), sights = std::move(sights)]() mutable {
            const bool is_late = overslept || lives.timeline_.now() > awake_until;
            if (life == lives.life_) lives.hosts_.told(asked, sights, is_late);
            done(std::move(sights));
          });
        });
  }

 private:
  HostsProbe inner_;
  Lives& lives_;
  const Duration every_;
  Instant due_;
};

class Lives::WorldTeller final : public Teller {
 public:
  explicit WorldTeller(Lives& lives) : lives_(lives) {}
  void tell(const Message& message, std::function<void(Expected<void>)>) override {
    lives_.on_tell(message);
  }

 private:
  Lives& lives_;
};

// Its commands take a while, and end with the controller's life.
class Lives::WorldVerifier final : public Verifier {
 public:
  explicit WorldVerifier(Lives& lives) : lives_(lives), random_(lives.seed_ + 1) {}
  void verify(std::string command, Duration, std::function<void(Expected<void>)> done) override {
    const bool is_unfit = lives_.unfit > 0 && random_.unit() < lives_.unfit;
    lives_.timeline_.after(200ms, [&lives = lives_, life = lives_.life_, is_unfit, command,
                                   done = std::move(done)] {
      if (life != lives.life_) return;
      lives.hold([is_unfit, command, done] {
        if (!is_unfit) return done({});
        done(problem(Problem::Kind::refused, fmt::format("`{}` ended with exit code 1", command)));
      });
    });
  }

 private:
  Lives& lives_;
  Random random_;
};

Lives::Lives(Timeline& timeline, Hosts& hosts, Stack stack, std::uint64_t seed)
    : timeline_(timeline), hosts_(hosts), stack_(std::move(stack)), seed_(seed) {
  crashing_store_ = std::make_unique<CrashingStore>(store_, *this);
  teller_ = std::make_unique<WorldTeller>(*this);
  verifier_ = std::make_unique<WorldVerifier>(*this);
}
Lives::~Lives() = default;

void Lives::step() {
  if (steps_left_ > 0 && --steps_left_ == 0) throw Crash{};
}

void Lives::crash_after(int steps) { steps_left_ = steps; }

void Lives::freeze(Duration time) {
  frozen_until_ = std::max(frozen_until_, timeline_.now() + time);
}

void Lives::hold(std::function<void()> work) {
  const Duration left = frozen_until_ - timeline_.now();
  if (left <= Duration{0}) return work();
  timeline_.after(left, [this, life = life_, work = std::move(work)] {
    if (life == life_) hold(work);
  });
}

PlacementLedger* Lives::ledger(const std::string& cluster) {
  const auto known = ledgers_.find(cluster);
  return is_up() && known != ledgers_.end() ? known->second.get() : nullptr;
}

const SeatReport* Lives::seats(const std::string& cluster) const {
  const auto known = seats_.find(cluster);
  return known == seats_.end() ? nullptr : &known->second;
}

ControlParts Lives::parts() {
  return {.clock = timeline_,
          .after =
              [this](Duration wait, std::function<void()> work) {
                timeline_.after(wait, [this, life = life_, work = std::move(work)] {
                  if (life == life_) hold(work);
                });
              },
          .provider = *crashing_provider_,
          .store = *crashing_store_,
          .teller = *teller_,
          .verifier = *verifier_,
          .make_probe =
              [this](const ClusterSpec& spec) { return std::make_unique<HeldProbe>(*this, spec); },
          .publish = [this](std::shared_ptr<const PlacementView> view) { publish(view); },
          .token_of = [](const InstanceId& id) { return id.text; },
          .hash_of = [](const std::string& token) { return token; },
          .parse = [](const std::string&) -> Expected<Stack> {
            return problem(Problem::Kind::invalid, "a made-up stack is not edited");
          },
          .on_activity = [](const Activity&) {},
          .on_problem = [](const std::string&) {},
          .on_down = [] {},
          .api_url = "http://127.0.0.1:7070",
          .run_folder = "/"};
}

std::vector<Activity> Lives::activities(WallTime began) const {
  std::vector<Activity> all = store_.all_activities();
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i].at = began + std::chrono::duration_cast<std::chrono::milliseconds>(recorded_at_[i]);
  return all;
}

// A millisecond there, and one back.
void Lives::publish(const std::shared_ptr<const PlacementView>& view) {
  timeline_.after(1ms, [this, life = life_, view] {
    if (life != life_) return;
    hold([this, life, view] {
      auto& ledger = ledgers_[view->cluster];
      if (!ledger)
        ledger = std::make_unique<PlacementLedger>(
            PlacementLedger::Options{.seed = seed_ + std::uint64_t(life_)});
      ledger->apply(*view, timeline_.now());
      timeline_.after(1ms, [this, life, report = ledger->report()] {
        if (life != life_) return;
        hold([this, report] {
          seats_[report.cluster] = report;
          control_->take(report);
        });
      });
    });
  });
}

void Lives::begin() {
  provider_ = std::make_unique<HostsProvider>(hosts_);
  crashing_provider_ = std::make_unique<CrashingProvider>(*provider_, *this);
  since_ = timeline_.now();
  control_ = std::make_unique<Control>(parts(), stack_);
  (void)control_->start(*store_.load());
}

// Seats held and keys are what a journal would have kept: a new ledger hears of them.
void Lives::crash() {
  ++life_;
  steps_left_ = 0;
  frozen_until_ = {};
  seats_.clear();
  hosts_.forget_told();
  control_.reset();
  crashing_provider_.reset();
  provider_.reset();
  for (auto& [cluster, ledger] : ledgers_) {
    auto fresh = std::make_unique<PlacementLedger>(
        PlacementLedger::Options{.seed = seed_ + std::uint64_t(life_)});
    {
      const auto replay = fresh->replay(timeline_.now());
      ledger->dump(*replay);
    }
    ledger = std::move(fresh);
  }
}

}  // namespace utakata

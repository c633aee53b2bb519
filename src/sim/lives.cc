#include "sim/lives.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace utakata {

class Lives::CrashingStore final : public Store {
 public:
  CrashingStore(Store& inner, Lives& lives) : inner_(inner), lives_(lives) {}
  Expected<Saved> load() override { return inner_.load(); }
  Expected<void> record(Batch& batch) override {
    const bool was_up = !lives_.control_ || lives_.is_up();
    lives_.step();
    if (was_up && lives_.control_ && !lives_.is_up()) return lives_.record_late(batch);
    auto done = inner_.record(batch);
    if (done) {
      lives_.record_.recorded_at.resize(lives_.record_.rows.all_activities().size(),
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
    return between([this, id, spec](bool is_late) {
      auto asked = inner_.launch(id, spec);
      lives_.on_launch(id, spec, asked.has_value());
      if (!asked && is_late) {
        late_.push_back({.kind = ProviderNews::Kind::launch_failed,
                         .id = id,
                         .handle = {},
                         .address = {},
                         .what = asked.error().what,
                         .retry = asked.error().retry});
        wake_();
      }
      return asked;
    });
  }
  void release(const InstanceId& id, const std::string& handle) override {
    between([this, id, handle](bool) { return inner_.release(id, handle), Expected<void>{}; });
  }
  void adopt(const InstanceId& id, const std::string& handle, const Address& address) override {
    inner_.adopt(id, handle, address);
  }
  Expected<void> stop(const InstanceId& id, Duration grace) override {
    return between([this, id, grace](bool) {
      lives_.on_stop(id);
      return inner_.stop(id, grace);
    });
  }
  std::vector<Host> hosts() const override { return inner_.hosts(); }
  std::vector<ProviderNews> hear() override {
    std::vector<ProviderNews> news = inner_.hear();
    std::ranges::move(std::exchange(late_, {}), std::back_inserter(news));
    return news;
  }
  void on_news(std::function<void()> wake) override {
    wake_ = wake;
    inner_.on_news([&lives = lives_, wake = std::move(wake)] { lives.hold(wake); });
  }

 private:
  // Frozen in the midst of a tick: what it was about to ask for it asks for when it goes on.
  template <class Order>
  Expected<void> between(Order order) {
    lives_.step();
    if (lives_.control_ && !lives_.is_up()) {
      lives_.hold([order] { (void)order(true); });
      return {};
    }
    auto done = order(false);
    lives_.step();
    return done;
  }
  Provider& inner_;
  Lives& lives_;
  std::function<void()> wake_ = [] {};
  std::vector<ProviderNews> late_;
};

// Its answers wait while the controller is frozen.
class Lives::HeldProbe final : public Probe {
 public:
  HeldProbe(Lives& lives, const ClusterSpec& spec)
      : inner_(lives.hosts_, lives.timeline_, spec),
        lives_(lives),
        cluster_(spec.name),
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
         cluster = cluster_, done = std::move(done)](auto asked, auto sights) {
          lives.hold([=, &lives, asked = std::move(asked), sights = std::move(sights)]() mutable {
            const bool is_late = overslept || lives.timeline_.now() > awake_until;
            if (life == lives.life_ && lives.acts_for(cluster))
              lives.hosts_.told(asked, sights, is_late);
            const Duration ahead = lives.clock_->now() - lives.timeline_.now();
            for (Sight& sight : sights)
              if (sight.count) sight.count->at += ahead;
            done(std::move(sights));
          });
        });
  }

 private:
  HostsProbe inner_;
  Lives& lives_;
  const std::string cluster_;
  const Duration every_;
  Instant due_;
};

class Lives::WorldTeller final : public Teller {
 public:
  explicit WorldTeller(Lives& lives) : lives_(lives) {}
  void tell(const Message& message, std::function<void(Expected<void>)>) override {
    lives_.on_tell(message);
  }
  void lend(const Address&, const std::string&, Duration) override {}

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

Lives::Lives(Timeline& timeline, Hosts& hosts, Record& record, Stack stack, std::uint64_t seed)
    : timeline_(timeline),
      hosts_(hosts),
      stack_(std::move(stack)),
      seed_(seed),
      record_(record),
      clock_(std::make_unique<OwnClock>(timeline, Duration{0})) {
  teller_ = std::make_unique<WorldTeller>(*this);
  verifier_ = std::make_unique<WorldVerifier>(*this);
}
Lives::~Lives() = default;

void Lives::join(Part part) {
  number_ = part.company.all.size();
  name_ = part.name;
  clock_ = std::make_unique<OwnClock>(timeline_, part.ahead);
  part.company.add(*this);
  part_.emplace(std::move(part));
}

std::string Lives::life() const { return fmt::format("{} {}", name_, life_); }

// Frozen before a write: it is sent when the freeze is over, and what comes of it is not heard.
Expected<void> Lives::record_late(const Batch& batch) {
  shared_record_->record_late(batch, frozen_until_ - timeline_.now(), [this](const Batch& late) {
    record_.recorded_at.resize(record_.rows.all_activities().size(), timeline_.since_begin());
    on_record(late);
  });
  return problem(Problem::Kind::timed_out, "etcd: no answer came in time", true);
}

void Lives::step() {
  if (steps_left_ == 0 || --steps_left_ > 0) return;
  if (!freeze_then_) throw Crash{this};
  freeze(*std::exchange(freeze_then_, std::nullopt));
}

void Lives::crash_after(int steps) {
  steps_left_ = steps;
  freeze_then_.reset();
}

void Lives::freeze_after(int steps, Duration time) {
  steps_left_ = steps;
  freeze_then_ = time;
}

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

void Lives::arrives(std::function<void()> work) {
  if (control_) hold(std::move(work));
}

void Lives::etcd_is_back() {
  if (line_) line_->go_on();
}

PlacementLedger* Lives::own_ledger(const std::string& cluster) {
  const auto known = ledgers_.find(cluster);
  return is_up() && known != ledgers_.end() ? known->second.get() : nullptr;
}

const PlacementLedger* Lives::ledger(const std::string& cluster) const {
  if (!is_up()) return nullptr;
  if (desk_) return desk_->ledger(cluster);
  const auto known = ledgers_.find(cluster);
  return known == ledgers_.end() ? nullptr : known->second.get();
}

const SeatReport* Lives::seats(const std::string& cluster) const {
  const auto known = seats_.find(cluster);
  return known == seats_.end() ? nullptr : &known->second;
}

ControlParts Lives::parts() {
  return {.clock = *clock_,
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
              [this](const ClusterSpec& spec) {
                if (part_) on_acts(spec.name);
                return std::make_unique<HeldProbe>(*this, spec);
              },
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
          .run_folder = "/",
          .owners = owning_.get()};
}

std::vector<Activity> Record::activities(WallTime began) const {
  std::vector<Activity> all = rows.all_activities();
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i].at = began + std::chrono::duration_cast<std::chrono::milliseconds>(recorded_at[i]);
  return all;
}

// A millisecond there, and one back.
void Lives::publish(const std::shared_ptr<const PlacementView>& view) {
  timeline_.after(1ms, [this, life = life_, view] {
    if (life != life_) return;
    hold([this, view] {
      if (desk_) return desk_->apply(view);
      auto& ledger = ledgers_[view->cluster];
      if (!ledger)
        ledger = std::make_unique<PlacementLedger>(
            PlacementLedger::Options{.seed = seed_ + std::uint64_t(life_)});
      ledger->apply(*view, clock_->now());
      hear(ledger->report());
    });
  });
}

void Lives::hear(SeatReport report) {
  timeline_.after(1ms, [this, life = life_, report = std::move(report)] {
    if (life != life_) return;
    hold([this, report] {
      seats_[report.cluster] = report;
      control_->take(report);
    });
  });
}

void Lives::begin() {
  if (part_) return begin_in_company();
  provider_ = std::make_unique<HostsProvider>(hosts_);
  crashing_provider_ = std::make_unique<CrashingProvider>(*provider_, *this);
  crashing_store_ = std::make_unique<CrashingStore>(record_.rows, *this);
  since_ = timeline_.now();
  control_ = std::make_unique<Control>(parts(), stack_);
  (void)control_->start(*record_.rows.load());
}

// It does not start while etcd is away: something starts it again. What was left of an earlier
// life on this machine does not keep it from its name.
void Lives::begin_in_company() {
  Company& company = part_->company;
  if (company.etcd.is_away() || company.is_cut_from_etcd(number_))
    return timeline_.after(1s, [this, life = life_] {
      if (life == life_) begin();
    });
  company.etcd.forget(name_);
  line_ = std::make_unique<EtcdLine>(
      company.etcd,
      EtcdLine::Ends{
          .name = name_,
          .life = life(),
          .arrives = [this](std::function<void()> work) { arrives(std::move(work)); },
          .is_cut = [&company, who = number_] { return company.is_cut_from_etcd(who); }});
  Owning::Options owning{.name = name_, .life = life(), .give_back_after = part_->give_back_after};
  for (const ClusterSpec& spec : stack_.clusters)
    if (!spec.owner.empty()) owning.prefers[spec.name] = spec.owner;
  const auto later = [this](Duration wait, std::function<void()> work) {
    timeline_.after(wait, [this, life = life_, work = std::move(work)] {
      if (life == life_) hold(work);
    });
  };
  owning_ = std::make_unique<Owning>(*clock_, *line_, later, std::move(owning));
  auto engine = std::make_unique<EngineProvider>(
      company.engine, [this](const InstanceId& id) { return control_ && control_->acts_for(id); });
  engine_ = engine.get();
  provider_ = std::move(engine);
  crashing_provider_ = std::make_unique<CrashingProvider>(*provider_, *this);
  auto shared = std::make_unique<EtcdRecord>(
      company.etcd, record_.rows, *line_,
      [this](std::string_view cluster) { return owning_->fence(cluster); });
  shared_record_ = shared.get();
  shared_store_ = std::move(shared);
  crashing_store_ = std::make_unique<CrashingStore>(*shared_store_, *this);
  desk_ = std::make_unique<Desk>(
      Desk::Parts{.number = number_,
                  .timeline = timeline_,
                  .clock = *clock_,
                  .ahead = part_->ahead,
                  .hosts = hosts_,
                  .company = company,
                  .owners = *owning_,
                  .after = later,
                  .hear = [this](SeatReport report) { hear(std::move(report)); },
                  .seed = seed_ * 100 + number_ * 10'000'000 + std::uint64_t(life_)},
      std::exchange(past_, {}));
  since_ = timeline_.now();
  control_ = std::make_unique<Control>(parts(), stack_);
  (void)control_->start(*shared_store_->load());
  owning_->begin(Company::url_of(number_), [this, later] {
    desk_->turn();
    later(Duration{0}, [this] { control_->turn(); });
  });
  beat();
}

void Lives::beat() {
  owning_->look();
  desk_->tick();
  if (++beats_ % 50 == 0) engine_->look_around();
  timeline_.after(Owning::look_every, [this, life = life_] {
    if (life == life_) hold([this] { beat(); });
  });
}

// Seats held and keys are what a journal would have kept: a new ledger hears of them.
void Lives::crash() {
  ++life_;
  steps_left_ = 0;
  freeze_then_.reset();
  frozen_until_ = {};
  seats_.clear();
  if (!part_) hosts_.forget_told();
  if (desk_) past_ = desk_->leave_ledgers();
  desk_.reset();
  control_.reset();
  crashing_provider_.reset();
  provider_.reset();
  crashing_store_.reset();
  shared_store_.reset();
  line_.reset();
  owning_.reset();
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

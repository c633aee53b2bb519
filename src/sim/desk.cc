#include "sim/desk.h"

#include <algorithm>

#include "sim/lives.h"

namespace utakata {
namespace {

constexpr Duration kWay{2ms};  // between two controllers
constexpr Duration kAnswerDeadline{3s}, kLook{500ms};

}  // namespace

struct Desk::Copy {
  std::string cluster, url;
  LedgerCopy bytes;
  Instant began{};
  bool is_over = false, is_forgotten = false;
};

// What was written and cannot go now waits, as TCP does, until the line is there again; of a
// sender that has died it does not come any more.
struct Desk::Stream {
  std::string cluster;
  std::size_t from = 0, to = 0;
  std::function<void(const std::string&)> hear;
  std::function<void()> ended;  // at the listener's
  std::string pending;
  bool is_gone = false, is_over = false, is_going = false;
  std::unique_ptr<LedgerWriter> writer;
  static void pump(const std::shared_ptr<Stream>& stream, Timeline& timeline, Company& company) {
    if (stream->is_going || (stream->pending.empty() && !stream->is_over)) return;
    stream->is_going = true;
    const bool is_linked = company.are_linked(stream->from, stream->to);
    timeline.after(is_linked ? kWay : Duration{200ms}, [stream, is_linked, &timeline, &company] {
      stream->is_going = false;
      if (is_linked) {
        if (!stream->pending.empty()) stream->hear(std::exchange(stream->pending, {}));
        if (stream->is_over) return stream->ended();
      } else if (stream->is_over) {
        stream->pending.clear();
      }
      pump(stream, timeline, company);
    });
  }
};

Desk::Desk(Parts parts, Ledgers past)
    : parts_(std::move(parts)),
      past_(std::move(past)),
      has_past_(!past_.empty()),
      takeovers_(&parts_.owners) {}

Desk::~Desk() {
  *alive_ = false;
  for (const auto& stream : streams_) {
    stream->is_over = true;
    Stream::pump(stream, parts_.timeline, parts_.company);
  }
  for (auto& [cluster, ledger] : ledgers_) ledger->log_to(nullptr);
}

Ledgers Desk::leave_ledgers() {
  for (auto& [cluster, ledger] : ledgers_) {
    ledger->log_to(nullptr);
    past_.insert_or_assign(cluster, std::move(ledger));
  }
  ledgers_.clear();
  return std::move(past_);
}

PlacementLedger* Desk::find(const std::string& cluster) const {
  const auto known = ledgers_.find(cluster);
  return known == ledgers_.end() ? nullptr : known->second.get();
}

PlacementLedger& Desk::make(const std::string& cluster) {
  auto& ledger = ledgers_[cluster];
  ledger = std::make_unique<PlacementLedger>(
      PlacementLedger::Options{.seed = parts_.seed * 1000 + ++made_});
  return *ledger;
}

bool Desk::is_elsewhere(const std::string& cluster) const {
  return takeovers_.is_elsewhere(cluster, find(cluster) != nullptr, now());
}

Ownership Desk::owner_of(const std::string& cluster) const {
  Ownership known = parts_.owners.of(cluster);
  if (known.kind != Ownership::Kind::nobody) return known;
  if (const auto found = handed_to_.find(cluster); found != handed_to_.end())
    known = {.kind = Ownership::Kind::others, .controller = {}, .url = found->second};
  return known;
}

void Desk::apply(const std::shared_ptr<const PlacementView>& view) {
  if (takeovers_.is_over(view->cluster)) end(view->cluster);
  PlacementLedger* ledger = find(view->cluster);
  if (!ledger) {
    // It was on its way when the cluster went to another.
    if (parts_.owners.of(view->cluster).kind != Ownership::Kind::ours) return;
    if (waits(view)) return;
    ledger = &take_up(*view);
  }
  ledger->apply(*view, now());
  if (!waiting_.empty()) parts_.after(Duration{0}, [this] { try_again(); });
  parts_.hear(ledger->report());
}

bool Desk::waits(const std::shared_ptr<const PlacementView>& view) {
  const std::string& cluster = view->cluster;
  const auto copy = copies_.find(cluster);
  const bool tells = copy != copies_.end() && !copy->second->is_over;
  const auto begun =
      takeovers_.begin(view, told(cluster, parts_.owners.of(cluster).tenure), tells, now());
  if (begun.is_new) tell_taken(cluster, copy->second->url);
  return begun.waits;
}

PlacementLedger& Desk::take_up(const PlacementView& view) {
  const std::string& cluster = view.cluster;
  const auto source = takeovers_.take_up(cluster, told(cluster, parts_.owners.of(cluster).tenure),
                                         past_.contains(cluster), has_past_);
  if (source.is_copy) past_.erase(cluster);
  const auto known = past_.find(cluster);
  PlacementLedger& ledger = make(cluster);
  {
    const auto replay = ledger.replay(now());
    if (known != past_.end()) known->second->dump(*replay);
    if (source.is_copy) copies_.at(cluster)->bytes.replay(*replay);
  }
  past_.erase(cluster);
  if (const auto copy = copies_.find(cluster); copy != copies_.end()) {
    copy->second->is_forgotten = true;
    copies_.erase(copy);
  }
  auto& logs = logs_[cluster];
  logs = std::make_unique<PlaceTee>();
  ledger.log_to(logs.get());
  if (!source.is_complete) ledger.distrust_past(now() + view.hold);
  return ledger;
}

// To the controller that had a cluster before us: it may still place, if it has lost sight of who
// owns what.
void Desk::tell_taken(const std::string& cluster, const std::string& former) {
  Company& company = parts_.company;
  Lives* const peer = company.find(former);
  if (!peer) return;
  parts_.timeline.after(kWay, [&company, from = parts_.number, peer, cluster] {
    if (!company.are_linked(from, peer->number())) return;
    peer->arrives(
        [peer, cluster, url = Company::url_of(from)] { peer->desk()->hand_over(cluster, url); });
  });
}

void Desk::hand_over(const std::string& cluster, const std::string& url) {
  if (parts_.owners.of(cluster).kind == Ownership::Kind::ours) return;
  const auto others = parts_.owners.others();
  if (std::ranges::find(others, url, &Controller::url) == others.end()) return;
  takeovers_.hand_over(cluster);
  end(cluster);
  handed_to_[cluster] = url;
}

// What is known of it is the past's from now on.
void Desk::end(const std::string& cluster) {
  end_streams(cluster);
  const auto ledger = ledgers_.find(cluster);
  if (ledger == ledgers_.end()) return;
  ledger->second->log_to(nullptr);
  past_.insert_or_assign(cluster, std::move(ledger->second));
  ledgers_.erase(ledger);
}

void Desk::tick() {
  takeovers_.tick(now());
  for (auto& [cluster, ledger] : ledgers_) ledger->expire(now(), 1000);
  for (const auto& view : takeovers_.kept()) apply(view);
  if (!waiting_.empty()) try_again();
  if (now() - copied_at_ < kLook) return;
  copied_at_ = now();
  copy_turn();
}

void Desk::turn() {
  copy_turn();
  takeovers_.turn();
  std::vector<std::string> over;
  for (const auto& [cluster, ledger] : ledgers_)
    if (takeovers_.is_over(cluster)) over.push_back(cluster);
  for (const std::string& cluster : over) end(cluster);
  if (!waiting_.empty()) parts_.after(Duration{0}, [this] { try_again(); });
}

void Desk::take(const std::shared_ptr<Call>& call) {
  const std::string& cluster = call->question.cluster;
  if (!is_elsewhere(cluster)) return place(*call, *find(cluster));
  if (call->is_from_peer) return call->not_ours();
  call->until = now() + Silence::patience;
  const Ownership owner = owner_of(cluster);
  const bool may_send = owner.kind == Ownership::Kind::others && silence_.may_send(owner.url);
  may_send ? send(call, owner.url) : wait(call);
}

void Desk::place(Call& call, PlacementLedger& ledger) {
  if (call.given_back) {
    ledger.release(*call.given_back, now());
    return call.answer({});
  }
  const DoorQuestion& question = call.question;
  PlaceAnswer answer = ledger.place({.key = question.room, .line = question.line}, now());
  DoorAnswer told;
  if (answer) {
    answer->expires -= parts_.ahead;
    const Guest* const guest = parts_.hosts.find(ledger.instance(answer->slot).identity->id);
    if (guest) told.guest = guest->index;
  }
  told.answer = answer;
  told.is_blind = parts_.company.on_placing(
      {.asking = question.asking,
       .answer = answer,
       .guest = told.guest == Hosts::kNone ? nullptr : &parts_.hosts[told.guest],
       .by = parts_.number,
       .as = parts_.owners.of(question.cluster).kind});
  call.answer(told);
}

void Desk::wait(const std::shared_ptr<Call>& call) {
  if (now() >= call->until) return call->answer({});
  waiting_.push_back(call);
}

void Desk::try_again() {
  for (auto& call : std::exchange(waiting_, {})) {
    const Ownership owner = owner_of(call->question.cluster);
    if (owner.kind == Ownership::Kind::others && now() < call->until &&
        silence_.may_send(owner.url))
      send(call, owner.url);
    else if (!is_elsewhere(call->question.cluster))
      place(*call, *find(call->question.cluster));
    else
      wait(call);
  }
}

void Desk::send(const std::shared_ptr<Call>& call, const std::string& url) {
  auto sent = std::make_shared<Call>(
      Call{.question = call->question, .given_back = call->given_back, .is_from_peer = true});
  auto is_over = std::make_shared<bool>(false);
  // None: no answer, or it is not that one's.
  const auto ended = [this, alive = alive_, call, url, is_over](std::optional<DoorAnswer> answer,
                                                                bool is_silent) {
    if (std::exchange(*is_over, true) || !*alive) return;
    parts_.after(Duration{0}, [this, call, url, answer, is_silent] {
      silence_.went(url, !is_silent);
      answer ? call->answer(*answer) : wait(call);
    });
  };
  Company& company = parts_.company;
  Timeline& timeline = parts_.timeline;
  const std::size_t from = parts_.number;
  parts_.after(kAnswerDeadline, [ended] { ended(std::nullopt, true); });
  Lives* const peer = company.find(url);
  if (!peer) return;
  const auto back = [&company, &timeline, from, to = peer->number(), ended](auto... what) {
    timeline.after(kWay, [&company, from, to, ended, what...] {
      if (company.are_linked(from, to)) ended(what...);
    });
  };
  sent->answer = [back](const DoorAnswer& answer) { back(std::optional(answer), false); };
  sent->not_ours = [back] { back(std::optional<DoorAnswer>(), false); };
  timeline.after(kWay, [&company, from, peer, sent, back] {
    if (!company.are_linked(from, peer->number())) return;  // until the deadline
    if (!peer->desk()) return back(std::optional<DoorAnswer>(), true);
    peer->arrives([peer, sent] { peer->desk()->take(sent); });
  });
}

Desk::Told Desk::told(const std::string& cluster, std::int64_t tenure) const {
  const auto known = copies_.find(cluster);
  if (known == copies_.end()) return Told::none;
  const Copy& copy = *known->second;
  if (!copy.bytes.is_whole()) return Told::none;
  if (copy.bytes.tenure() + 1 != tenure) return Told::some;
  return copy.is_over ? Told::all : Told::coming;
}

void Desk::copy_turn() {
  for (const std::string& cluster : parts_.owners.wanted()) {
    const Ownership owner = owner_of(cluster);
    if (owner.kind != Ownership::Kind::others || owner.url.empty() || attempts_.contains(cluster))
      continue;
    if (const auto known = copies_.find(cluster); known != copies_.end()) {
      const Copy& copy = *known->second;
      if (copy.url == owner.url && !copy.is_over) continue;
      if (now() - copy.began < kLook) continue;
    }
    copy_begin(cluster, owner.url);
  }
}

void Desk::copy_begin(const std::string& cluster, const std::string& url) {
  auto copy = std::make_shared<Copy>(Copy{.cluster = cluster, .url = url, .bytes = {}});
  copy->began = now();
  attempts_[cluster] = copy;
  Company& company = parts_.company;
  Timeline& timeline = parts_.timeline;
  auto stream = std::make_shared<Stream>();
  stream->cluster = cluster;
  stream->to = parts_.number;
  stream->hear = [this, alive = alive_, copy](const std::string& bytes) {
    if (*alive) parts_.after(Duration{0}, [this, copy, bytes] { copy_hear(copy, bytes); });
  };
  stream->ended = [this, alive = alive_, copy] {
    if (*alive) parts_.after(Duration{0}, [this, copy] { copy_ended(copy); });
  };
  // Until it begins.
  parts_.after(kAnswerDeadline, [this, cluster, copy] {
    const auto attempt = attempts_.find(cluster);
    if (attempt != attempts_.end() && attempt->second == copy) copy_ended(copy);
  });
  Lives* const peer = company.find(url);
  if (!peer) return;
  stream->from = peer->number();
  timeline.after(kWay, [alive = alive_, &company, peer, stream] {
    if (!*alive || !company.are_linked(stream->from, stream->to)) return;
    if (!peer->desk()) return stream->ended();
    peer->arrives([peer, stream] { peer->desk()->tell_ledger(stream->cluster, stream); });
  });
}

void Desk::copy_hear(const std::shared_ptr<Copy>& copy, const std::string& bytes) {
  if (bytes.empty() || copy->is_forgotten) return;
  copy->bytes.feed(bytes, now());
  if (attempts_.erase(copy->cluster) > 0) {
    auto& former = copies_[copy->cluster];
    if (former && !former->is_over) former->is_forgotten = true;
    former = copy;
  }
  if (copy->bytes.has_ended()) copy_ended(copy);
}

void Desk::copy_ended(const std::shared_ptr<Copy>& copy) {
  const auto attempt = attempts_.find(copy->cluster);
  if (attempt != attempts_.end() && attempt->second == copy) attempts_.erase(attempt);
  if (std::exchange(copy->is_over, true)) return;
  for (const auto& view : takeovers_.kept()) apply(view);
}

// `stream`'s listener is another's desk, and may be gone by now.
void Desk::tell_ledger(const std::string& cluster, const std::shared_ptr<Stream>& stream) {
  PlacementLedger* const ledger = find(cluster);
  const Ownership ownership = parts_.owners.of(cluster);
  if (!ledger || ownership.kind != Ownership::Kind::ours) {
    stream->is_over = true;
    return Stream::pump(stream, parts_.timeline, parts_.company);
  }
  stream->writer =
      std::make_unique<LedgerWriter>([weak = std::weak_ptr(stream), &timeline = parts_.timeline,
                                      &company = parts_.company](std::string_view record) {
        const auto to = weak.lock();
        if (!to) return;
        to->pending += record;
        Stream::pump(to, timeline, company);
      });
  stream->writer->head(ownership.tenure, now());
  ledger->dump(*stream->writer);
  stream->writer->whole();
  logs_.at(cluster)->add(stream->writer.get());
  streams_.push_back(stream);
}

void Desk::end_streams(const std::string& cluster) {
  const auto logs = logs_.find(cluster);
  for (const auto& stream : streams_) {
    if (stream->cluster != cluster) continue;
    if (logs != logs_.end()) logs->second->remove(stream->writer.get());
    stream->writer->end();
    stream->is_over = true;
    Stream::pump(stream, parts_.timeline, parts_.company);
  }
  std::erase_if(streams_, [&](const auto& stream) { return stream->cluster == cluster; });
}

}  // namespace utakata

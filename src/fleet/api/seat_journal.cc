#include "fleet/api/seat_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <vector>

#include "base/check.h"
#include "fleet/api/seat_replay.h"
#include "fleet/api/seat_segment.h"
#include "net/descriptor.h"

namespace utakata {
namespace {

using namespace seats;

class Mapping {  // one segment's bytes
 public:
  Mapping() = default;
  Mapping(int file, std::uint64_t offset, std::size_t bytes)
      : bytes_(static_cast<char*>(
            mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, off_t(offset)))),
        size_(bytes) {
    if (bytes_ == MAP_FAILED) bytes_ = nullptr;
  }
  Mapping(Mapping&& other) noexcept { *this = std::move(other); }
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Mapping() {
    if (bytes_) munmap(bytes_, size_);
  }
  explicit operator bool() const { return bytes_ != nullptr; }
  char* at(std::size_t offset) const { return bytes_ + offset; }
  SegmentHead& head() const { return *reinterpret_cast<SegmentHead*>(bytes_); }
  std::size_t size() const { return size_; }
  std::string_view bytes() const { return {bytes_, size_}; }

 private:
  char* bytes_ = nullptr;
  std::size_t size_ = 0;
};

std::uint64_t boot_hash(const std::string& given) {
  std::string boot = given;
  if (boot.empty()) std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  return siphash({.low = 1, .high = 2}, boot);
}

Instant instant(std::int64_t ns) { return Instant{Duration{ns}}; }
std::int64_t count_of(Instant at) { return at.time_since_epoch().count(); }

}  // namespace

struct SeatJournal::State {
  struct Segment {
    std::uint64_t offset = 0, sequence = 0;  // 0: free
    std::int64_t expires = 0;                // the last of its holds
  };

  class Log final : public PlaceLog {
   public:
    Log(State& state, std::uint8_t cluster) : state_(state), cluster_(cluster) {}
    void instance(std::uint32_t number, std::string_view id) override {
      append(Kind::instance, TextPayload{number, std::uint32_t(id.size())}, id);
    }
    void granted(const HoldRecord& hold) override {
      state_.latest = std::max(state_.latest, count_of(hold.granted));
      const std::uint32_t flags =
          (hold.stranger ? 1u : 0u) | (hold.arrived ? 2u : 0u) | (hold.retold ? 4u : 0u);
      append(Kind::granted,
             GrantedPayload{hold.number, count_of(hold.granted), count_of(hold.expires),
                            hold.instance, hold.room, hold.seats, flags},
             {}, count_of(hold.expires));
    }
    void ended(std::uint64_t placement) override { append(Kind::ended, placement); }
    void arrived(std::uint64_t placement) override { append(Kind::arrived, placement); }
    void key_bound(const RoomRecord& room, std::string_view key) override {
      const std::uint32_t flags = (room.stranger ? 1u : 0u) | (room.maybe_live ? 2u : 0u);
      append(Kind::key_bound,
             RoomPayload{room.number, room.instance, room.total, room.reserved,
                         count_of(room.reserved_until), flags, std::uint32_t(key.size())},
             key, count_of(room.reserved_until));
    }
    void key_ended(std::uint32_t room) override { append(Kind::key_ended, std::uint64_t{room}); }

   private:
    template <class Payload>
    void append(Kind kind, const Payload& payload, std::string_view text = {},
                std::int64_t expires = 0) {
      state_.append(kind, cluster_, {reinterpret_cast<const char*>(&payload), sizeof payload}, text,
                    expires);
    }
    State& state_;
    std::uint8_t cluster_;
  };

  // `expires`: of a hold, so that its segment is kept until then.
  void append(Kind kind, std::uint8_t cluster, std::string_view payload, std::string_view text = {},
              std::int64_t expires = 0);
  void name_cluster(std::uint8_t index);
  void rotate();
  void end_snapshot(bool has_all_holds);
  bool take_segment();
  Expected<void> read_past();
  void note_lost(std::int64_t expires);

  std::string path;
  Options options;
  net::Descriptor file;
  std::uint64_t boot = 0;
  PlaceSecret secret;
  bool has_past = false;
  std::int64_t past_lost_until = 0, lost_until = 0;
  std::uint64_t bytes = 0;  // of the file
  std::vector<Segment> segments;
  std::vector<std::string> clusters;
  std::vector<std::unique_ptr<Log>> logs;
  std::function<void(const std::string&)> say = [](const std::string&) {};

  Mapping mapping;  // of the segment being filled
  std::size_t current = 0, at = 0;
  std::uint64_t sequence = 0;
  std::int64_t latest = 0;  // that a hold was granted: about now
  bool has_said = false;
  std::uint64_t snapshot_start = 0;  // its first segment's sequence; 0: none is under way
  bool snapshot_lost = false;        // not all of it could be recorded
  std::uint64_t written = 0, snapshot_written = 0;  // bytes since the last one ended, and in it
};

SeatJournal::SeatJournal(std::unique_ptr<State> state) : state_(std::move(state)) {}
SeatJournal::~SeatJournal() = default;
PlaceSecret SeatJournal::secret() const { return state_->secret; }
bool SeatJournal::has_past() const { return state_->has_past; }
Instant SeatJournal::past_lost_until() const { return instant(state_->past_lost_until); }
std::uint64_t SeatJournal::file_bytes() const { return state_->bytes; }
void SeatJournal::on_notice(std::function<void(const std::string&)> say) {
  state_->say = std::move(say);
}

Expected<std::unique_ptr<SeatJournal>> SeatJournal::open(const std::string& path, Options options) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->options = options;
  state->file = net::Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const auto cannot = [&](const char* why) {
    return problem(Problem::Kind::unavailable,
                   fmt::format("the journal of seats {} cannot be used: {}", path, why));
  };
  if (state->file.get() < 0) return cannot(std::strerror(errno));
  if (flock(state->file.get(), LOCK_EX | LOCK_NB) != 0) return cannot("another controller has it");
  state->boot = boot_hash(options.boot);
  if (auto read = state->read_past(); !read) return std::unexpected(read.error());
  if (!state->has_past)
    check(getrandom(&state->secret, sizeof state->secret, 0) == sizeof state->secret,
          "the kernel gives random numbers");
  if (state->options.secret) state->secret = *state->options.secret;
  // The first segment of this life, so that a disk that is full is known before anything is
  // promised.
  if (!state->take_segment()) return cannot(std::strerror(errno));
  return std::unique_ptr<SeatJournal>(new SeatJournal(std::move(state)));
}

Expected<void> SeatJournal::State::read_past() {
  struct stat status{};
  if (fstat(file.get(), &status) != 0)
    return problem(Problem::Kind::unavailable, fmt::format("{}: {}", path, std::strerror(errno)));
  bytes = std::uint64_t(status.st_size) / options.segment_bytes * options.segment_bytes;
  for (std::uint64_t offset = 0; offset < bytes; offset += options.segment_bytes) {
    Segment segment{.offset = offset};
    SegmentHead head;
    if (pread(file.get(), &head, sizeof head, off_t(offset)) == sizeof head &&
        head.magic == kMagic && head.check == head_check(head) && head.boot == boot) {
      segment.sequence = head.sequence;
      if (head.sequence > sequence) secret = head.secret;
      sequence = std::max(sequence, head.sequence);
      past_lost_until = std::max(past_lost_until, head.lost_until);
      has_past = true;
    }
    segments.push_back(segment);
  }
  return {};
}

// The oldest free segment, or a new one at the end of the file. False: there is no room for it.
bool SeatJournal::State::take_segment() {
  auto found = std::ranges::find(segments, std::uint64_t{0}, &Segment::sequence);
  if (found == segments.end()) {
    if (bytes + options.segment_bytes > options.file_bytes_max) {
      errno = EFBIG;
      return false;
    }
    if (const int error = posix_fallocate(file.get(), off_t(bytes), options.segment_bytes)) {
      errno = error;
      return false;
    }
    segments.push_back({.offset = bytes});
    bytes += options.segment_bytes;
    found = std::prev(segments.end());
  }
  Mapping fresh(file.get(), found->offset, options.segment_bytes);
  if (!fresh) return false;
  SegmentHead head{.magic = kMagic,
                   .sequence = ++sequence,
                   .boot = boot,
                   .secret = secret,
                   .lost_until = lost_until};
  head.check = head_check(head);
  fresh.head() = head;
  mapping = std::move(fresh);
  current = std::size_t(found - segments.begin());
  found->sequence = sequence;
  found->expires = 0;
  at = kHeadBytes;
  return true;
}

void SeatJournal::State::append(Kind kind, std::uint8_t cluster, std::string_view payload,
                                std::string_view text, std::int64_t expires) {
  const std::size_t size = (sizeof(RecordHead) + payload.size() + text.size() + 7) / 8 * 8;
  if (!mapping || at + size > mapping.size()) {
    rotate();
    if (!mapping || at + size > mapping.size()) return note_lost(expires);
  }
  char* const record = mapping.at(at);
  std::memset(record + size - 8, 0, 8);
  RecordHead head{.words = std::uint16_t(size / 8), .kind = kind, .cluster = cluster};
  if (size > sizeof head) {
    std::memcpy(record + sizeof head, payload.data(), payload.size());
    if (!text.empty()) std::memcpy(record + sizeof head + payload.size(), text.data(), text.size());
  }
  head.check = record_check(sequence, std::uint32_t(at), head, record + sizeof head);
  std::uint64_t word = 0;
  std::memcpy(&word, &head, sizeof word);
  std::atomic_ref(*reinterpret_cast<std::uint64_t*>(record)).store(word, std::memory_order_release);
  at += size;
  written += size;
  segments[current].expires = std::max(segments[current].expires, expires);
}

void SeatJournal::State::rotate() {
  mapping = {};
  if (!take_segment()) {
    if (!std::exchange(has_said, true))
      say(
          fmt::format("{}: {}; holds are not recorded until there is room, and a restart would "
                      "have to wait for them",
                      path, std::strerror(errno)));
    return;
  }
  for (std::size_t i = 0; i < clusters.size(); ++i) name_cluster(std::uint8_t(i));
  if (std::exchange(has_said, false)) say(fmt::format("{}: holds are recorded again", path));
}

// Once a snapshot is whole, segments before it count only for their unexpired holds.
void SeatJournal::State::end_snapshot(bool has_all_holds) {
  const std::uint64_t start = std::exchange(snapshot_start, 0);
  snapshot_written = std::exchange(written, 0);
  if (snapshot_lost) return;
  append(Kind::snapshot, 0, {reinterpret_cast<const char*>(&start), sizeof start});
  if (snapshot_lost) return;
  for (Segment& segment : segments) {
    const bool is_needed = !has_all_holds && segment.expires > latest;
    if (segment.sequence == 0 || segment.sequence >= start || is_needed) continue;
    const std::uint64_t nothing = 0;
    if (pwrite(file.get(), &nothing, sizeof nothing, off_t(segment.offset)) != sizeof nothing)
      continue;
    segment.sequence = 0;
    segment.expires = 0;
  }
}

// Where it is too late to record anything but this.
void SeatJournal::State::note_lost(std::int64_t expires) {
  snapshot_lost = true;
  lost_until = std::max(lost_until, expires);
  if (mapping) {
    mapping.head().lost_until = lost_until;
  } else if (!segments.empty()) {
    constexpr off_t kField = offsetof(SegmentHead, lost_until);
    (void)!pwrite(file.get(), &lost_until, sizeof lost_until,
                  off_t(segments[current].offset) + kField);
  }
}

void SeatJournal::State::name_cluster(std::uint8_t index) {
  const TextPayload payload{index, std::uint32_t(clusters[index].size())};
  append(Kind::cluster, index, {reinterpret_cast<const char*>(&payload), sizeof payload},
         clusters[index]);
}

PlaceLog& SeatJournal::log_of(std::string_view cluster) {
  State& state = *state_;
  auto found = std::ranges::find(state.clusters, cluster);
  if (found == state.clusters.end()) {
    check(state.clusters.size() < 255, "a stack has fewer than 255 clusters");
    state.clusters.emplace_back(cluster);
    const auto index = std::uint8_t(state.clusters.size() - 1);
    state.logs.push_back(std::make_unique<State::Log>(state, index));
    state.name_cluster(index);
    found = std::prev(state.clusters.end());
  }
  return *state.logs[std::size_t(found - state.clusters.begin())];
}

void SeatJournal::begin(const std::function<void()>& dump) {
  snapshot_begin();
  dump();
  state_->end_snapshot(true);
}

// Seldom enough that snapshots are at most a third of what is written.
bool SeatJournal::snapshot_due() const {
  const State& state = *state_;
  return state.snapshot_start == 0 &&
         state.written >= std::max<std::uint64_t>(std::uint64_t{4} * state.options.segment_bytes,
                                                  2 * state.snapshot_written);
}

void SeatJournal::snapshot_begin() {
  state_->snapshot_start = state_->sequence;
  state_->snapshot_lost = false;
  state_->written = 0;
}

void SeatJournal::snapshot_end() { state_->end_snapshot(false); }

void SeatJournal::replay(const std::function<PlaceLog*(std::string_view cluster)>& of,
                         Instant now) {
  SeatReplay replay(of, now);
  std::vector<State::Segment> past;
  for (const State::Segment& segment : state_->segments)
    if (segment.sequence != 0 && segment.sequence < state_->sequence) past.push_back(segment);
  std::ranges::sort(past, {}, &State::Segment::sequence);
  const auto each = [&](auto hear) {
    for (const State::Segment& segment : past) {
      const Mapping mapping(state_->file.get(), segment.offset, state_->options.segment_bytes);
      if (!mapping) continue;
      replay.begin_segment(segment.sequence);
      for (SeatRecord record{}; record.read(mapping.bytes(), segment.sequence);)
        (replay.*hear)(record);
    }
  };
  each(&SeatReplay::survey);
  each(&SeatReplay::tell);
}

}  // namespace utakata

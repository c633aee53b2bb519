// For tests: one tenant in several processes, each an App, with a bus between them that each hears
// at its own pace, and clients of Socket.IO that do as socket.io-client 4 does.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "realtime/app/app.h"
#include "realtime/pusher/ears_for_tests.h"

namespace utakata::realtime {

class SimulatedApps;

class SimulatedApp final : public SocketIoOut {
 public:
  SimulatedApp(SimulatedApps& all, std::size_t index);
  void say(ClientSlot client, const std::string& text) override { said[client].push_back(text); }
  void say_all(std::string_view, Readers clients, const std::string& text,
               std::span<const std::string>, std::optional<ClientSlot> but, bool) override {
    for (const ClientSlot client : *clients)
      if (client != but) say(client, text);
  }
  void end(ClientSlot client, const std::string&) override { ended.insert(client); }

  std::map<ClientSlot, std::vector<std::string>> said;
  std::set<ClientSlot> ended;
  std::size_t heard = 0;  // words of the bus
  bool is_gone = false;
  int random = 0;
  PusherEars pusher;
  App app;
};

class SimulatedApps {
 public:
  struct Word {
    std::string channel, body;
    Position position{};
    std::uint64_t serial = 0;
  };
  explicit SimulatedApps(std::size_t count, std::size_t kept = 1'000) {
    tenant.channels.has_timelines = true;
    tenant.channels.timeline.count = kept;
    while (count-- > 0) join(start());
  }
  SimulatedApp& start() {
    all.push_back(std::make_unique<SimulatedApp>(*this, all.size()));
    return *all.back();
  }
  // It hears what is kept, one channel after the other.
  void join(SimulatedApp& one) {
    one.heard = words.size();
    one.app.reaches(false);
    for (const auto& [channel, offset] : offsets)
      for (const Word& word : words)
        if (word.channel == channel && word.position.epoch == epoch(channel)) tell(one, word);
    one.app.reaches(true);
  }
  // Of `body` that `channel` is published with, as a Bus does it.
  bool publish(std::string_view channel, const std::string& body, bool is_kept) {
    if (is_cut) return false;
    Word word{.channel = std::string(channel), .body = body};
    if (is_kept)
      word.position = {epoch(word.channel), ++offsets[word.channel]}, word.serial = ++serial;
    words.push_back(std::move(word));
    return true;
  }
  void forget(const std::string& channel) { ++lives[channel], offsets[channel] = 0; }  // its age
  bool hear(SimulatedApp& one) {  // the next word; false: there is none
    if (one.heard == words.size() || one.is_gone) return false;
    const Word word = words[one.heard++];
    tell(one, word);
    return true;
  }
  static void tell(SimulatedApp& one, const Word& word) {
    one.app.hears({.tenant = "1",
                   .channel = word.channel,
                   .body = word.body,
                   .position = word.position,
                   .serial = word.serial});
  }
  std::string epoch(const std::string& channel) {
    return fmt::format("{}{}", channel, lives[channel]);
  }
  bool is_behind() const {
    return std::ranges::any_of(all, [&](const auto& one) { return one->heard < words.size(); });
  }
  void hear_all() {
    for (bool is_more = true; is_more;) {
      is_more = false;
      for (auto& one : all) is_more |= hear(*one);
    }
  }
  void pass(Duration time) {
    now += time;
    for (auto& one : all)
      if (!one->is_gone) one->app.expire(now);
  }
  std::size_t alive() const {
    return std::size_t(std::ranges::count(all, false, [](auto& one) { return one->is_gone; }));
  }

  Instant now{1h};
  TenantSpec tenant{.id = "1", .name = "show", .key = {"key", "secret"}};
  std::vector<std::unique_ptr<SimulatedApp>> all;
  std::vector<Word> words;
  std::map<std::string, std::uint64_t> lives, offsets;
  std::uint64_t serial = 0;
  ClientSlot slots = 0;
  bool is_cut = false;
};

inline SimulatedApp::SimulatedApp(SimulatedApps& apps, std::size_t index)
    : app(
          apps.tenant, {.namespaces = {"/admin"}}, {pusher, *this},
          {[this, index] { return fmt::format("{}.{}", index, ++random); },
           [this, index] { return fmt::format("p{}x{}", index, ++random); }},
          [](const News&) {}, [&apps] { return apps.now; }) {
  app.join({.publish =
                [&apps](std::string_view channel, const std::string& body, const auto& keeps) {
                  return apps.publish(channel, body, keeps.has_value());
                },
            .has_others = [&apps] { return apps.alive() > 1; }});
}

class SimulatedClient {
 public:
  explicit SimulatedClient(SimulatedApps& all, std::string space = "/")
      : all_(all), space_(space == "/" ? "" : space + ",") {}

  void connect(std::size_t process) {
    process_ = process;
    slot_ = all_.slots++;
    read_ = 0;
    is_connected = is_recovered = false;
    at().app.socketio().opens(slot_, all_.now);
    std::string asks;
    if (!pid_.empty())
      asks = offset ? fmt::format(R"({{"pid":"{}","offset":"{}"}})", pid_, *offset)
                    : fmt::format(R"({{"pid":"{}"}})", pid_);
    at().app.socketio().says(slot_, "0" + space_ + asks, all_.now);
  }
  void subscribe(const std::string& channel) {
    at().app.socketio().says(slot_, fmt::format("2{}[\"subscribe\",\"{}\"]", space_, channel),
                             all_.now);
  }
  // What it was told arrives: so many packets, or all.
  void receive(std::size_t count = SIZE_MAX) {
    const auto& said = at().said[slot_];
    for (; count > 0 && read_ < said.size(); --count) take(said[read_++]);
  }
  void lose() { at().app.socketio().leaves(slot_, all_.now); }  // its process knows that it is gone
  void goodbye() {
    at().app.socketio().says(slot_, "1" + space_, all_.now);
    lose();
  }
  SimulatedApp& at() const { return *all_.all[process_]; }
  std::size_t process() const { return process_; }
  bool is_told() const { return !at().said[slot_].empty(); }
  bool reads(const std::string& channel) const { return at().app.channels().reads(slot_, channel); }

  bool is_connected = false, is_recovered = false;
  std::string sid;
  std::optional<std::string> offset{};
  std::vector<int> heard;  // since it began anew

 private:
  void take(std::string text) {
    const char type = text[0];
    text = text.substr(1 + (text.substr(1).starts_with(space_) ? space_.size() : 0));
    if (type != '0' && type != '2') return;
    const auto json = nlohmann::json::parse(text);
    if (type == '0') {
      is_connected = true;
      is_recovered = json["pid"] == pid_;
      if (!is_recovered) heard.clear();
      pid_ = json["pid"];
      sid = json["sid"];
      return;
    }
    if (json.back().is_string()) offset = json.back().get<std::string>();
    if (json[0] == "said") heard.push_back(json[1]);
  }

  SimulatedApps& all_;
  const std::string space_;
  std::size_t process_ = 0, read_ = 0;
  ClientSlot slot_ = 0;
  std::string pid_;
};

}  // namespace utakata::realtime

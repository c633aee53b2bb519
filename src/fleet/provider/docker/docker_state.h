// The inside of DockerProvider, shared by its .cc files only.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "fleet/provider/docker/docker_provider.h"
#include "fleet/provider/docker/engine.h"
#include "fleet/provider/docker/log_follow.h"
#include "fleet/provider/docker/packings.h"
#include "fleet/provider/process/logs.h"
#include "fleet/provider/process/ports.h"

namespace utakata {

//  creating ----> waiting ----> starting ----> running ----> ending
//      |  created    |  released    |  started    |  died        told gone; its last output is
//      awaited
//      +-------------+------> removing <----------+ (never ran: removed, then told gone)
//  searching: adopted, not yet seen in a list
enum class BoxPhase { creating, waiting, starting, running, removing, ending, searching };

struct Box {
  BoxPhase phase = BoxPhase::creating;
  std::string container;  // its id; empty: not known yet
  Address address;
  std::uint64_t listed = 0;  // lists that were asked before it was there say nothing of it
  bool stop_asked = false, kill_sent = false, was_out_of_memory = false, is_told = false;
  bool is_signal_lost = false;  // the Engine was away
  bool was_packed = false;      // its image, for it
  bool is_removed = false;
  bool is_foreign = false;  // adopted, without our marks: it is stopped, and never removed
  Instant kill_at{};
  net::Loop::TimerId kill_timer = 0, words_timer = 0;
  std::string end_text;  // of removing and ending
  std::unique_ptr<LogFollow> log;
};

struct DockerProvider::State {
  using Json = Engine::Json;
  State(net::Loop& loop, const Clock& clock, DockerOptions options);
  ~State();

  // docker_launching.cc
  Expected<void> launch(const InstanceId& id, const LaunchSpec& spec);
  Expected<Json> order_for(const InstanceId& id, const LaunchSpec& spec, std::uint16_t port) const;
  Json host_config(const LaunchSpec& spec, std::uint16_t port) const;
  void create(const InstanceId& id, const LaunchSpec& spec);
  void created(const InstanceId& id, const LaunchSpec& spec, const Expected<Json>& answer);
  void pack(const InstanceId& id, const LaunchSpec& spec);
  void meet_namesake(const InstanceId& id, const LaunchSpec& spec);
  void fail(const InstanceId& id, const Problem& why);
  void release(const InstanceId& id, const std::string& handle);
  void start(const InstanceId& id);

  // docker_foreign.cc
  using FoundForeign = std::function<void(Expected<std::vector<Foreign>>)>;
  void find_foreign(const ForeignQuery& query, FoundForeign done);
  void inspect_foreign(std::vector<Foreign> found, std::size_t next, FoundForeign done);
  std::unordered_map<InstanceId, Box>::iterator by_container(const std::string& container);
  std::vector<std::string> unlisted(const Json& list) const;

  // docker_stopping.cc
  Expected<void> stop(const InstanceId& id, Duration grace);
  void terminate(const InstanceId& id, Duration grace);
  void kill_now(const InstanceId& id);
  void signal(const InstanceId& id, const char* name);
  void remove(const InstanceId& id, std::string text);
  void remove_leftover(const std::string& container);
  void died(const InstanceId& id, std::string text);
  std::string end_of(const Box& box, int code) const;
  void tell_end(const InstanceId& id);
  void finish(const InstanceId& id);
  void tell_gone(const InstanceId& id);

  // docker_listing.cc
  void adopt(const InstanceId& id, const std::string& handle, const Address& address);
  void tell_again(const InstanceId& id, const Box& box);
  void follow_events();
  void take_events(std::string_view bytes);
  void take_event(const Json& event);
  void list();
  void list_soon(Duration after);
  void list_unlisted(Json list, std::uint64_t number);
  void listed(Expected<Json> answer, std::uint64_t number);
  void take_list(const Json& list, std::uint64_t number);
  void take_listed(const InstanceId& id, const Json& listed);
  void take_missing(const InstanceId& id);
  void take_unknown(const Json& listed, const std::string& instance);
  void found(const InstanceId& id, const Json& listed);
  void follow_log(const InstanceId& id);
  void look_inside(const InstanceId& id);
  void note_answer(const Expected<Json>& answer);

  std::string name_of(const InstanceId& id) const;
  std::string log_of(const InstanceId& id) const;
  std::string filters(const char* events) const;
  Box* find(const InstanceId& id);
  void tell(ProviderNews news);

  net::Loop& loop;
  const Clock& clock;
  DockerOptions options;
  PortRange ports;
  LogRotation rotation;
  std::unordered_map<InstanceId, Box> own;
  std::unordered_map<std::string, Inside> insides;  // by handle
  std::vector<ProviderNews> news;
  std::function<void()> wake;
  EndedLogs ended_logs{options.ended_logs_max};
  std::string event_bytes;  // of a line that is not whole yet
  std::uint64_t list_number = 0;
  std::set<std::string> said_while_away;  // why the Engine does not answer, without numbers
  bool is_listing = false, lists_again = false, is_answering = true;
  net::Loop::TimerId list_timer = 0, events_timer = 0;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  Engine engine;  // late: what it still has under way ends first
  Packings packings;
};

std::string docker_handle(const std::string& container);          // "docker 4f5e..."
std::string container_of(std::string_view handle);                // empty: not such a handle
std::string text_at(const Engine::Json& json, const char* name);  // empty: no such text

}  // namespace utakata

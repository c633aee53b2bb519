// The inside of SwarmProvider, shared by its .cc files only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "fleet/provider/docker/engine.h"
#include "fleet/provider/docker/engine_notice.h"
#include "fleet/provider/docker/log_follow.h"
#include "fleet/provider/docker/packings.h"
#include "fleet/provider/process/logs.h"
#include "fleet/provider/swarm/swarm_provider.h"
#include "fleet/provider/swarm/swarm_words.h"

namespace utakata {

//  creating ----> waiting ----> starting ----> running ----> dying ----> told gone
//      |  created    |  released    |  has its     |  its task is over, its last words awaited
//      |             |              |  replica     |
//      +-------------+--------------+--------------+--> removing ----> ending ----> told gone
//                                     service removed     |  until none of its tasks is left
//  searching: adopted, not yet seen in a list
enum class TaskPhase { creating, waiting, starting, running, dying, removing, ending, searching };

struct Berth {
  TaskPhase phase = TaskPhase::creating;
  std::string service;  // its id; empty: not known yet
  std::string node;     // its id
  Host host;
  std::string image;      // for words only
  std::string container;  // empty: not known yet
  Address address;
  std::uint64_t listed = 0;  // lists that were asked before this say nothing of it
  bool stop_asked = false, kill_sent = false, was_seen = false, is_told = false;
  Instant kill_at{};
  std::optional<Instant> unplaced_since{};
  net::Loop::TimerId kill_timer = 0, retry_timer = 0;
  std::string end_text;
  std::unique_ptr<LogFollow> log;
};

struct SwarmProvider::State {
  using Json = Engine::Json;
  using Id = InstanceId;
  State(net::Loop& loop, const Clock& clock, SwarmOptions options);
  ~State();

  // swarm_launching.cc
  Expected<void> launch(const Id& id, const LaunchSpec& spec);
  void begin(const Id& id, const LaunchSpec& spec);
  Expected<const SwarmNode*> choose_node(const LaunchSpec& spec) const;
  std::uint16_t choose_port();  // 0: all are in use
  void find_named(const Id& id, const LaunchSpec& spec);
  void create(const Id& id, const LaunchSpec& spec, const Json& secrets, const Json& configs);
  void created(const Id& id, const LaunchSpec& spec, const Expected<Json>& answer);
  void meet_namesake(const Id& id, const LaunchSpec& spec);
  void fail(const Id& id, const Problem& why);
  void release(const Id& id, const std::string& handle);
  void start(const Id& id);
  void started(const Id& id, const Expected<Json>& answer);

  // swarm_images.cc
  void bring_image(const Id& id, const LaunchSpec& spec);
  void image_is_there(const Id& id, const LaunchSpec& spec, const Expected<void>& outcome);
  Engine* engine_at(const std::string& host);  // null: it is not known
  bool knows_engine_at(const SwarmNode& node) const;

  // swarm_stopping.cc
  Expected<void> stop(const Id& id, Duration grace);
  void terminate(const Id& id, Duration grace);
  void kill_now(const Id& id);
  void signal(const Id& id, Engine& engine, const char* name);
  void remove(const Id& id, std::string text);
  void removed(const Id& id, const Expected<Json>& answer);
  void remove_leftover(const std::string& service);
  void died(const Id& id, std::string text);
  void lost(const Id& id);
  void tell_gone(const Id& id);

  // swarm_listing.cc
  void adopt(const Id& id, const std::string& handle, const Address& address);
  void follow(Engine& engine, const std::string& filters);
  void list();
  void list_soon(Duration after);
  void ask_list(std::string path, void (State::*take)(const Json&, std::uint64_t));
  void take_info(const Json& info, std::uint64_t number);
  void take_nodes(const Json& list, std::uint64_t number);
  void take_services(const Json& list, std::uint64_t number);
  void take_unknown(const SwarmService& service);
  void take_tasks(const Json& list, std::uint64_t number);
  void end_list(const Expected<void>& outcome);
  void note_answer(const Expected<void>& answer);
  void found(const Id& id, const SwarmService& service);
  void service_missing(const Id& id);
  void tell_launched(const Id& id, const Berth& berth);
  void judge(const Id& id, const std::vector<SwarmTask>& tasks);
  void follow_log(const Id& id);

  const SwarmNode* node_by_id(const std::string& id) const;
  std::string name_of(const Id& id) const;
  std::string log_of(const Id& id) const;
  std::string our_label() const;  // as a filter
  Berth* find(const Id& id);
  void tell(ProviderNews news);

  net::Loop& loop;
  const Clock& clock;
  SwarmOptions options;
  LogRotation rotation;
  std::unordered_map<Id, Berth> own;
  std::vector<SwarmNode> nodes;
  std::string local_node;  // the id of the node whose Engine we ask; empty: not known yet
  std::set<std::uint16_t> busy_ports;            // of tasks that are not over, whosever
  std::vector<std::pair<Id, LaunchSpec>> early;  // asked before anything was listed
  std::set<std::string> removed_services;        // by us, and perhaps still listed
  std::vector<ProviderNews> news;
  std::function<void()> wake;
  EngineNotice notice{"swarm: the manager answers again", options.say};
  EndedLogs ended_logs{options.ended_logs_max};
  std::uint64_t list_number = 0;
  Instant services_at{};  // when they are listed next
  std::size_t next_port = 0;
  bool is_listing = false, lists_again = false, has_listed = false;
  bool wants_services = true;
  net::Loop::TimerId list_timer = 0;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  Engine engine;  // late: what it still has under way ends first
  std::map<std::string, std::unique_ptr<Engine>> engines;  // of other hosts, by name
  Packings packings;
};

std::string swarm_handle(const std::string& service);  // "swarm 4f5e..."
std::string service_of(std::string_view handle);       // empty: not such a handle

}  // namespace utakata

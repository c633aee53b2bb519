// utakata-realtime: channels for browsers and games. Wires its parts and runs until SIGTERM.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>

#include "net/loop.h"
#include "realtime/server/server.h"

namespace {

using utakata::realtime::TenantSpec;

// "id:key:secret"; none: it is not that.
std::optional<TenantSpec> tenant_of(const std::string& text) {
  const auto first = text.find(':'), second = text.find(':', first + 1);
  if (first == std::string::npos || second == std::string::npos || first == 0 ||
      second == first + 1 || second + 1 == text.size())
    return std::nullopt;
  TenantSpec tenant{.id = text.substr(0, first)};
  tenant.key = {text.substr(first + 1, second - first - 1), text.substr(second + 1)};
  return tenant;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"channels for browsers and games: the Pusher Channels protocol"};
  std::string host = "127.0.0.1";
  std::uint16_t port = 6001;
  std::vector<std::string> tenants;
  bool takes_client_events = false, has_timelines = false;
  int client_events_per_second = TenantSpec{}.client_events_per_second;
  app.add_option("--host", host, "the address to listen at")->capture_default_str();
  app.add_option("--port", port, "its port; 0: any free one")
      ->envname("PORT")
      ->capture_default_str();
  app.add_option("--app", tenants, "a tenant, ID:KEY:SECRET; may be given again")->required();
  app.add_flag("--client-events", takes_client_events, "clients may send events to each other");
  app.add_option("--client-events-per-second", client_events_per_second,
                 "how many of them one client may send")
      ->capture_default_str();
  app.add_flag("--timelines", has_timelines, "messages are kept for those who come back");
  CLI11_PARSE(app, argc, argv);

  utakata::realtime::ServerSettings settings;
  for (const std::string& text : tenants) {
    auto tenant = tenant_of(text);
    if (!tenant) {
      fmt::print(stderr, "`--app {}` is not ID:KEY:SECRET.\n", text);
      return 2;
    }
    tenant->takes_client_events = takes_client_events;
    tenant->client_events_per_second = client_events_per_second;
    tenant->channels.has_timelines = has_timelines;
    settings.tenants.push_back(std::move(*tenant));
  }
  utakata::net::Loop loop;
  utakata::realtime::Server server(loop, std::move(settings));
  const auto listening = server.listen(host, port);
  if (!listening) {
    fmt::print(stderr, "{}\n", listening.error().what);
    return 2;
  }
  fmt::print("listening at {}:{}\n", host, *listening);
  std::fflush(stdout);
  for (const int signal : {SIGTERM, SIGINT}) loop.on_signal(signal, [&loop] { loop.stop(); });
  loop.run();
}

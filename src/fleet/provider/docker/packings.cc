#include "fleet/provider/docker/packings.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "net/descriptor.h"

namespace utakata {
namespace {

constexpr Duration import_deadline{600s};  // of a large app on a slow disk

std::string tag_of(const std::string& image) { return image.substr(image.rfind(':') + 1); }
std::string repository_of(const std::string& image) { return image.substr(0, image.rfind(':')); }

std::string import_path(const std::string& image, const std::string& library_path) {
  std::string path = fmt::format("/images/create?fromSrc=-&repo={}&tag={}",
                                 query_escaped(repository_of(image)), query_escaped(tag_of(image)));
  std::vector<std::string> changes = {
      fmt::format("WORKDIR /{}", packed_folder),
      "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  if (!library_path.empty()) changes.push_back("ENV LD_LIBRARY_PATH=" + library_path);
  for (const auto& change : changes) path += "&changes=" + query_escaped(change);
  return path;
}

}  // namespace

struct Packings::Packing {
  struct Waiting {
    Engine* engine;
    LaunchSpec spec;
    Done done;
  };
  std::vector<Waiting> waiting;
  std::set<Engine*> importing;
  std::jthread thread;
};

struct Packings::Packed {
  Expected<std::string> content;
  std::string tar, library_path;
};

Packings::Packings(net::Loop& loop, std::string folder, std::vector<std::string> left_out,
                   std::string stack_folder, std::function<void(std::string_view)> say)
    : loop_(loop),
      folder_(std::move(folder)),
      left_out_(std::move(left_out)),
      stack_folder_(std::move(stack_folder)),
      say_(std::move(say)) {
  std::error_code none;
  for (const auto& each : std::filesystem::directory_iterator(folder_, none))
    if (each.path().extension() == ".packing") std::filesystem::remove(each.path(), none);
}

Packings::~Packings() {
  *alive_ = false;
  running_.clear();
}

void Packings::want(Engine& engine, const LaunchSpec& spec, Done done) {
  auto& packing = running_[spec.image];
  const bool is_first = !packing;
  if (is_first) packing = std::make_unique<Packing>();
  packing->waiting.push_back({&engine, spec, std::move(done)});
  if (!is_first) return;
  // Of this object the thread has nothing: what it has to say is posted.
  const auto post = [this, &loop = loop_, alive = std::weak_ptr(alive_)](auto work) {
    loop.post([this, alive, work = std::move(work)] {
      if (const auto still = alive.lock(); still && *still) work(*this);
    });
  };
  packing->thread = std::jthread(
      [post, spec, wanted = PackSpec{spec.folder, spec.run, left_out_, stack_folder_},
       tar = folder_ + "/" + tag_of(spec.image) + ".packing"](const std::stop_token& stop) {
        Packed made{.content = {}, .tar = tar, .library_path = {}};
        const auto pack = pack_of(wanted);
        if (!pack) {
          made.content = std::unexpected(pack.error());
        } else {
          post([text = fmt::format("packing {}: {} MB", spec.cluster,
                                   (pack->bytes + 500'000) / 1'000'000)](const Packings& self) {
            self.say_(text);
          });
          made.library_path = pack->library_path;
          const net::Descriptor file{
              open(tar.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
          if (file)
            made.content = write_tar(*pack, file.get(), [&] { return stop.stop_requested(); });
          else
            made.content = problem(
                Problem::Kind::unavailable,
                fmt::format("docker: {} cannot be written: {}.", tar, std::strerror(errno)), true);
        }
        post([image = spec.image, made = std::move(made)](Packings& self) {
          self.packed(image, made);
        });
      });
}

void Packings::packed(const std::string& image, const Packed& made) {
  std::error_code none;
  if (made.content && *made.content == tag_of(image)) {
    auto& packing = *running_.at(image);
    for (const auto& one : packing.waiting) packing.importing.insert(one.engine);
    for (Engine* const engine : packing.importing)
      engine->ask({.method = "POST",
                   .path = import_path(image, made.library_path),
                   .body_file = made.tar,
                   .type = "application/x-tar",
                   .deadline = import_deadline},
                  [this, engine, image](Expected<Engine::Json> answer) {
                    imported(*engine, image, std::move(answer));
                  });
    std::filesystem::remove(made.tar, none);  // it has been opened
    return;
  }
  std::filesystem::remove(made.tar, none);
  if (!made.content) return end(image, std::unexpected(made.content.error()));
  end(image, problem(Problem::Kind::conflict,
                     "docker: the app's folder has changed since the stack file was read: `utakata "
                     "up` once more rolls it out as it is now"));
}

// Once the answer has begun, what failed comes as its last line.
void Packings::imported(Engine& engine, const std::string& image, Expected<Engine::Json> answer) {
  if (answer && answer->is_object() && answer->contains("error"))
    answer = problem(Problem::Kind::unavailable,
                     fmt::format("docker: the Engine does not take the app as an image: {}",
                                 answer->value("error", Engine::Json()).dump()),
                     true);
  if (answer) remove_elder(engine, image);
  end_on(engine, image, answer ? Expected<void>{} : std::unexpected(answer.error()));
}

void Packings::end(const std::string& image, const Expected<void>& outcome) {
  const auto node = running_.extract(image);
  for (auto& one : node.mapped()->waiting) one.done(outcome);
}

void Packings::end_on(Engine& engine, const std::string& image, const Expected<void>& outcome) {
  auto& packing = *running_.at(image);
  std::vector<Packing::Waiting> served;
  std::erase_if(packing.waiting, [&](Packing::Waiting& one) {
    if (one.engine != &engine) return false;
    served.push_back(std::move(one));
    return true;
  });
  packing.importing.erase(&engine);
  if (packing.importing.empty()) {
    // Who came with another Engine when the tar was on its way already gets one of his own.
    const auto node = running_.extract(image);
    for (auto& one : node.mapped()->waiting) want(*one.engine, one.spec, std::move(one.done));
  }
  for (auto& one : served) one.done(outcome);
}

// Without force: those that containers still have stay, and are tried again with the next one.
void Packings::remove_elder(Engine& engine, const std::string& image) {
  const Engine::Json filters = {{"reference", {repository_of(image)}}};
  engine.ask({.path = "/images/json?filters=" + query_escaped(filters.dump())},
             [&engine, image](const Expected<Engine::Json>& answer) {
               if (!answer || !answer->is_array()) return;
               for (const auto& one : *answer) {
                 const auto tags =
                     one.is_object() ? one.value("RepoTags", Engine::Json()) : Engine::Json();
                 if (!tags.is_array()) continue;
                 for (const auto& tag : tags)
                   if (tag.is_string() && tag != image && is_packed_image(tag))
                     engine.ask({.method = "DELETE",
                                 .path = "/images/" + tag.get<std::string>() + "?noprune=0"},
                                [](const Expected<Engine::Json>&) {});
               }
             });
}

}  // namespace utakata

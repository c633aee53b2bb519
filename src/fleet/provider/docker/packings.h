// Packs apps into images of Engines, each once, beside the loop: reading and writing a hundred
// megabytes takes a second.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "fleet/provider/docker/engine.h"
#include "fleet/provider/docker/pack/pack.h"
#include "fleet/provider/provider.h"
#include "net/loop.h"

namespace utakata {

// Loop thread only; what it starts are threads of its own.
class Packings {
 public:
  using Done = std::function<void(Expected<void>)>;
  // `folder` takes a tar while it is sent; what a killed life left there is removed. `left_out`,
  // `stack_folder`: PackSpec. `say` is told what is packed, and how large it is.
  Packings(net::Loop& loop, std::string folder, std::vector<std::string> left_out,
           std::string stack_folder, std::function<void(std::string_view)> say);
  ~Packings();  // waits for the threads, which give up at once; no `done` is called any more

  // Makes the spec's image on that Engine, which outlives this; packed_image() gave its name, it is
  // made of the spec's folder and program. `done` is called once, later than this returns; all who
  // want the same image wait for the same packing, whichever Engine they want it on. Then elder
  // images of the same app go, those in use excepted. Problems: those of pack.h and of
  // the Engine; `conflict`: the folder is not what the image's name says any more.
  void want(Engine& engine, const LaunchSpec& spec, Done done);

 private:
  struct Packing;
  struct Packed;
  void packed(const std::string& image, const Packed& made);
  void imported(Engine& engine, const std::string& image, Expected<Engine::Json> answer);
  void end(const std::string& image, const Expected<void>& outcome);
  void end_on(Engine& engine, const std::string& image, const Expected<void>& outcome);
  static void remove_elder(Engine& engine, const std::string& image);

  net::Loop& loop_;
  const std::string folder_;
  const std::vector<std::string> left_out_;
  const std::string stack_folder_;
  const std::function<void(std::string_view)> say_;
  std::map<std::string, std::unique_ptr<Packing>> running_;  // by image
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace utakata

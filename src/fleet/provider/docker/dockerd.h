// For tests: a Docker Engine of their own, with a folder that vanishes, and a tiny image made of
// this machine's shell. Where it cannot run, `why_not` says so and tests are skipped by name.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace utakata {

class Dockerd {
 public:
  // swarm: it is a Swarm of its own, in a network namespace of its own, where its ports are free.
  explicit Dockerd(bool swarm = false) : is_swarm_(swarm) {
    std::string name = (std::filesystem::temp_directory_path() / "utakata-docker-XXXXXX").string();
    folder = mkdtemp(name.data());
    if (getuid() != 0) {
      why_not = "dockerd needs root here";
    } else if (!sh("command -v dockerd && command -v docker").second) {
      why_not = "there is no dockerd on this machine (Debian's package docker.io)";
    } else {
      std::ofstream(folder + "/daemon.json") << "{}";
      start();
      if (why_not.empty() && is_swarm_ && !docker("swarm init --advertise-addr 127.0.0.1").second)
        why_not = "dockerd on this machine makes no Swarm: see " + folder + "/log";
      if (why_not.empty() && !make_image())
        why_not = "dockerd on this machine takes no image: see " + folder + "/log";
    }
  }
  ~Dockerd() {
    stop();
    if (!why_not.empty()) return;
    sh("umount " + folder + "/exec/netns/default");  // dockerd leaves it behind
    std::error_code none;
    std::filesystem::remove_all(folder, none);
  }

  void start() {
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGTERM);
      const int log = open((folder + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
      dup2(log, 1);
      dup2(log, 2);
      if (is_swarm_ && (unshare(CLONE_NEWNET) != 0 || !sh("ip link set lo up").second)) _exit(126);
      const std::string config = "--config-file=" + folder + "/daemon.json",
                        data = "--data-root=" + folder + "/data",
                        exec = "--exec-root=" + folder + "/exec",
                        pid = "--pidfile=" + folder + "/pid", host = "--host=unix://" + socket();
      execlp("dockerd", "dockerd", config.c_str(), data.c_str(), exec.c_str(), pid.c_str(),
             host.c_str(), "--bridge=none", "--iptables=false", "--ip6tables=false",
             is_swarm_ ? nullptr : "--live-restore", nullptr);
      _exit(127);
    }
    for (int tries = 0; tries < 300; ++tries) {
      if (docker("version").second) return;
      if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = 0;
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    why_not = "dockerd does not start on this machine: see " + folder + "/log";
  }
  void stop(int number = SIGTERM) {
    if (pid_ <= 0) return;
    kill(pid_, number);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  void freeze() const { kill(pid_, SIGSTOP); }
  void thaw() const { kill(pid_, SIGCONT); }

  std::string socket() const { return folder + "/docker.sock"; }
  // What it printed, and whether it ended with 0.
  static std::pair<std::string, bool> sh(const std::string& line) {
    std::FILE* const pipe = popen(("(" + line + ") 2>/dev/null").c_str(), "r");
    std::string text;
    std::array<char, 4096> piece;
    while (const std::size_t size = std::fread(piece.data(), 1, piece.size(), pipe))
      text.append(piece.data(), size);
    return {text, pclose(pipe) == 0};
  }
  // Docker's own command, which is no part of what is tested.
  std::pair<std::string, bool> docker(const std::string& words) const {
    return sh("docker -H unix://" + socket() + " " + words);
  }

  std::string folder;
  std::string why_not;

 private:
  bool make_image() const {
    return sh("set -e; mkdir " + folder +
              "/root; for p in /bin/sh /bin/sleep; do cp -L --parents " +
              "$p $(ldd $p | grep -o '/[^ ]*') " + folder + "/root; done; tar -C " + folder +
              "/root -c . | docker -H unix://" + socket() + " import - tiny:1")
        .second;
  }
  const bool is_swarm_;
  pid_t pid_ = 0;
};

// One for the whole program: it takes some seconds.
inline Dockerd& dockerd() {
  static Dockerd one;
  return one;
}

}  // namespace utakata

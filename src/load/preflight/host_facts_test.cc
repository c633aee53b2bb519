#include "load/preflight/host_facts.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

namespace utakata::load {
namespace {

namespace fs = std::filesystem;

// A host made of files.
class HostFactsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "host_factsXXXXXX").string();
    ASSERT_TRUE(mkdtemp(name.data()));
    root_ = name;
  }
  ~HostFactsTest() override { fs::remove_all(root_); }
  void put(const std::map<std::string, std::string>& texts) {
    for (const auto& [path, text] : texts) {
      fs::create_directories(fs::path(root_ + path).parent_path());
      std::ofstream(root_ + path) << text;
    }
  }
  HostFacts facts() const { return read_host_facts(root_); }

  std::string root_;
};

const std::map<std::string, std::string> usual = {
    {"/proc/self/limits",
     "Limit                     Soft Limit           Hard Limit           Units     \n"
     "Max processes             500                  96365                processes \n"
     "Max open files            1024                 20000                files     \n"},
    {"/proc/self/status",
     "Name:\tx\nUid:\t1000\t1000\t1000\t1000\nThreads:\t3\nCapEff:\t0000000000000000\n"
     "Cpus_allowed:\tff\nCpus_allowed_list:\t0-3,8\n"},
    {"/proc/11/status", "Uid:\t1000\t1000\t1000\t1000\nThreads:\t40\n"},
    {"/proc/12/status", "Uid:\t0\t0\t0\t0\nThreads:\t90\n"},
    {"/proc/loadavg", "0.10 0.20 0.30 2/133 4321\n"},
    {"/proc/meminfo", "MemTotal:       24684092 kB\nMemAvailable:   1000000 kB\n"},
    {"/proc/sys/fs/nr_open", "1048576\n"},
    {"/proc/sys/fs/file-max", "2466177\n"},
    {"/proc/sys/fs/file-nr", "640\t40\t2466177\n"},
    {"/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"},
    {"/proc/sys/net/ipv4/ip_local_reserved_ports", "80,32000-32769,40000\n"},
    {"/proc/sys/net/ipv4/tcp_tw_reuse", "2\n"},
    {"/proc/sys/net/ipv4/tcp_mem", "287901\t383868\t575802\n"},
    {"/proc/sys/net/netfilter/nf_conntrack_max", "262144\n"},
    {"/proc/sys/net/netfilter/nf_conntrack_count", "17\n"},
    {"/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait", "120\n"},
    {"/proc/sys/net/core/somaxconn", "4096\n"},
    {"/proc/sys/kernel/pid_max", "32768\n"},
    {"/proc/sys/kernel/threads-max", "192730\n"},
};

TEST_F(HostFactsTest, are_what_the_files_say) {
  put(usual);
  const HostFacts got = facts();
  EXPECT_EQ(got, (HostFacts{.descriptors = 20'000,
                            .descriptors_soft = 1024,
                            .descriptors_max = 1'048'576,
                            .files_max = 2'466'177,
                            .files_open = 600,
                            .ports = 28'232 - 3,  // of those reserved three are among them
                            .reuses_ports = 2,
                            .tracked_max = 262'144,
                            .tracked = 17,
                            .tracked_after = 2min,
                            .backlog = 4096,
                            .memory_bytes = 1'024'000'000,
                            .tcp_pages = 575'802,
                            .cores = 5,
                            .tasks = 500 - 40,  // threads of root's are not this user's
                            .tasks_bound = TaskBound::user}));
}

TEST_F(HostFactsTest, what_is_not_there_bounds_nothing) {
  EXPECT_EQ(facts(), HostFacts{}) << "no file at all";
  put(usual);
  fs::remove_all(root_ + "/proc/sys/net/netfilter");
  EXPECT_EQ(facts().tracked_max, std::nullopt);
  put({{"/proc/self/limits",
        "Max open files            unlimited            unlimited            files\n"}});
  EXPECT_EQ(facts().descriptors, 1'048'576) << "fs.nr_open bounds it nevertheless";
}

TEST_F(HostFactsTest, who_may_administrate_is_not_held_to_its_users_limit) {
  put(usual);
  put({{"/proc/self/status", "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000001000000\n"}});
  EXPECT_EQ(facts().tasks, 32'768 - 133);
  EXPECT_EQ(facts().tasks_bound, TaskBound::kernel);
}

TEST_F(HostFactsTest, cgroups_of_version_2_allow_what_the_narrowest_of_them_does) {
  put(usual);
  put({{"/proc/self/cgroup", "0::/a.slice/b.service\n"},
       {"/proc/self/mountinfo",
        "24 1 0:22 / /sys rw - sysfs sysfs rw\n"
        "31 24 0:29 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"},
       {"/sys/fs/cgroup/a.slice/memory.max", "400000000\n"},
       {"/sys/fs/cgroup/a.slice/memory.current", "100000000\n"},
       {"/sys/fs/cgroup/a.slice/memory.stat", "anon 5\nfile 7\ninactive_file 50000000\n"},
       {"/sys/fs/cgroup/a.slice/b.service/memory.max", "max\n"},
       {"/sys/fs/cgroup/a.slice/b.service/memory.current", "90000000\n"},
       {"/sys/fs/cgroup/a.slice/b.service/cpu.max", "150000 100000\n"},
       {"/sys/fs/cgroup/a.slice/cpu.max", "max 100000\n"},
       {"/sys/fs/cgroup/a.slice/b.service/pids.max", "60\n"},
       {"/sys/fs/cgroup/a.slice/b.service/pids.current", "10\n"}});
  const HostFacts got = facts();
  EXPECT_EQ(got.memory_bytes, 350'000'000);
  EXPECT_TRUE(got.is_memory_of_cgroup);
  EXPECT_EQ(got.cores, 1.5);
  EXPECT_EQ(got.tasks, 50);
  EXPECT_EQ(got.tasks_bound, TaskBound::cgroup);
}

// As inside of a container: what is mounted is the cgroup itself.
TEST_F(HostFactsTest, cgroups_of_version_1_have_a_hierarchy_for_each_controller) {
  put(usual);
  put({{"/proc/self/cgroup",
        "9:name=systemd:/\n8:pids:/\n4:memory:/box/7\n1:cpu,cpuacct:/x\n0::/\n"},
       {"/proc/self/mountinfo",
        "33 31 0:30 /box/7 /cg/memory rw,relatime - cgroup cgroup rw,memory\n"
        "34 31 0:31 / /cg/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
        "41 31 0:38 / /cg/unified rw,relatime - cgroup2 cgroup2 rw\n"},
       {"/cg/memory/memory.limit_in_bytes", "700000000\n"},
       {"/cg/memory/memory.usage_in_bytes", "300000000\n"},
       {"/cg/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 100000000\n"},
       {"/cg/cpu/cpu.cfs_quota_us", "-1\n"},
       {"/cg/cpu/x/cpu.cfs_quota_us", "50000\n"},
       {"/cg/cpu/x/cpu.cfs_period_us", "100000\n"}});
  const HostFacts got = facts();
  EXPECT_EQ(got.memory_bytes, 500'000'000);
  EXPECT_EQ(got.cores, 0.5);
  EXPECT_EQ(got.tasks_bound, TaskBound::user) << "no pids hierarchy is mounted";
  put({{"/cg/memory/memory.limit_in_bytes", "9223372036854771712\n"}});
  EXPECT_EQ(facts().memory_bytes, 1'024'000'000) << "so it writes that there is no limit";
}

TEST(HostFacts, of_this_host_are_sane) {
  const HostFacts got = read_host_facts();
  rlimit files{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  EXPECT_EQ(got.descriptors_soft, std::int64_t(files.rlim_cur));
  EXPECT_EQ(got.descriptors, std::int64_t(files.rlim_max));
  EXPECT_GE(got.descriptors_max.value_or(0), *got.descriptors);
  EXPECT_GT(got.files_open, 0);
  EXPECT_GT(got.files_max.value_or(0), got.files_open);
  EXPECT_GT(got.ports.value_or(0), 0);
  EXPECT_LT(got.ports.value_or(0), 65'536);
  EXPECT_GT(got.backlog.value_or(0), 0);
  EXPECT_GT(got.memory_bytes.value_or(0), 10'000'000);
  EXPECT_GT(got.tcp_pages.value_or(0), 1000);
  EXPECT_GT(got.cores, 0);
  EXPECT_LE(got.cores, double(std::thread::hardware_concurrency()));
  EXPECT_GT(got.tasks.value_or(0), 0);
}

// In a child, lest this program and its other tests have another limit.
TEST(HostFacts, the_descriptor_limit_is_raised_to_the_hard_one_for_children_too) {
  const pid_t child = fork();
  if (child == 0) {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = 100;
    setrlimit(RLIMIT_NOFILE, &files);
    const bool is_raised = raise_descriptor_limit() == std::int64_t(files.rlim_max);
    const auto limit = std::to_string(files.rlim_max);
    execlp("sh", "sh", "-c", "test $0 = $1 && test $(ulimit -Sn) = $2", is_raised ? "1" : "0", "1",
           limit.c_str(), nullptr);
    _exit(9);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace utakata::load

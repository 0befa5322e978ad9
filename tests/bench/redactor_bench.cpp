#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/redactor.h"

namespace vmtriage {
namespace {

/// One block: in a run, the block that was just read is in the cache.
constexpr std::size_t kBlock = 1 << 20;

constexpr std::string_view kSyslog[] = {
    "May  1 02:03:04 vm01 kernel: [  123.456789] EXT4-fs (sda1): mounted filesystem with ordered data mode. Opts: "
    "(null)\n",
    "May  1 02:03:05 vm01 systemd[1]: Started Session 42 of user root.\n",
    "May  1 02:03:06 vm01 CRON[2211]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)\n",
    "May  1 02:03:07 vm01 dhclient[801]: DHCPREQUEST for 10.0.0.4 on eth0 to 168.63.129.16 port 67 (xid=0x1f2e3d4c)\n",
    "May  1 02:03:08 vm01 systemd[1]: Starting Cleanup of Temporary Directories...\n",
    "May  1 02:03:09 vm01 sshd[3321]: Received disconnect from 10.0.0.9 port 50122:11: disconnected by user\n",
    "type=SYSCALL msg=audit(1714529000.123:456): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=22 auid=0 "
    "uid=0 key=(null)\n",
};

constexpr std::string_view kAgent[] = {
    "2024-05-01T02:03:04.123456Z INFO ExtHandler Fetching http://168.63.129.16:80/machine/?comp=goalstate [correlation "
    "1f2e3d4c]\n",
    "2024-05-01T02:03:05.123456Z INFO ExtHandler [HEARTBEAT] Agent WALinuxAgent-2.9.1.1 is running as the goal state "
    "agent [DEBUG]\n",
    "2024-05-01T02:03:06.123456Z WARNING ExtHandler Fetch failed: [HttpError] GET "
    "https://umsa.blob.core.windows.net/x/y.xml -- IOError\n",
    "2024-05-01T02:03:07.123456Z INFO ExtHandler ExtHandler Downloading manifest "
    "https://zrdfepirv2cy4prdstr01a.blob.core.windows.net/7d/x\n",
    "2024-05-01T02:03:09.123456Z INFO ExtHandler Target handler state: enabled [incarnation_3] for "
    "Microsoft.Azure.RecoveryServices\n",
    "2024-05-01T02:03:10.123456Z INFO MonitorHandler vm_metrics: cgroup /sys/fs/cgroup/cpu/azure.slice, 12 % of "
    "http://localhost:8080/\n",
};

constexpr std::string_view kSecrets[] = {
    "2024-05-01 Info PUT "
    "https://a.blob.core.windows.net/c/b?sv=2018-03-28&sr=b&sig=7apxS9GQabcDEFghiJKLmnoPQRstuVWXyz01234%3D&se=2024\n",
    "node.session.auth.password = hunter2\n",
    "{\"runtimeSettings\":[{\"handlerSettings\":{\"protectedSettings\":\"MIIB0wYJKoZIhvcNAQcDoIIBxDCCAcACAQAx\"}}]}\n",
};

template <std::size_t kCount>
std::string repeat(const std::string_view (&lines)[kCount]) {
  std::string text;
  for (std::size_t i = 0; text.size() < kBlock; ++i) text += lines[(i * 7 + i / 5) % kCount];
  return text;
}

void run(benchmark::State& state, const std::string& text) {
  const Redactor redactor;
  std::string storage;
  std::uint64_t secrets = 0;
  for (auto _ : state) {
    auto stream = redactor.stream();
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = std::min(text.size(), at + kBlock);
      if (const std::size_t newline = text.rfind('\n', end); end < text.size() && newline != std::string::npos)
        end = newline + 1;
      benchmark::DoNotOptimize(stream.apply(std::string_view(text).substr(at, end - at), false, storage));
      at = end;
    }
    secrets = stream.count();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
  state.counters["secrets"] = static_cast<double>(secrets);
}

/// What waagent and sshd write about passwords, one line in fifty.
std::string with_prose(const std::string& text) {
  constexpr std::string_view kProse =
      "2024-05-01T02:03:08.123456Z INFO Daemon the password authentication of the VM is disabled\n";
  std::string mixed;
  for (std::size_t at = 0, lines = 0; at < text.size(); ++lines) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    if (lines % 50 == 0) mixed += kProse;
    mixed.append(text, at, end - at);
    at = end;
  }
  return mixed;
}

void syslog_without_secrets(benchmark::State& state) { run(state, repeat(kSyslog)); }
void agent_log_full_of_urls(benchmark::State& state) { run(state, with_prose(repeat(kAgent))); }
void every_line_a_secret(benchmark::State& state) { run(state, repeat(kSecrets)); }
/// The worst a line can do: anchors that nearly are secrets, a megabyte without a line end.
void one_long_line_of_near_misses(benchmark::State& state) {
  std::string text;
  while (text.size() < kBlock) text += "\"token\":\"no\",\"password\":null,user@host,-----BEGIN KEY-----,sig=,eyJ,MII,";
  run(state, text);
}

BENCHMARK(syslog_without_secrets);
BENCHMARK(agent_log_full_of_urls);
BENCHMARK(every_line_a_secret);
BENCHMARK(one_long_line_of_near_misses);

}  // namespace
}  // namespace vmtriage

BENCHMARK_MAIN();

#include "analyzers/checks/pre_post_config.h"

#include <gtest/gtest.h>

#include "tests/analyzers/check_fixture.h"

namespace vmtriage {
namespace {

void expect_findings(std::string_view artifact, std::string_view path, const std::vector<TextCase>& cases) {
  expect_findings<PrePostConfigAnalyzer>(artifact, path, cases);
}

TEST(PrePostConfig, ScriptPluginConfigurationIsChecked) {
  expect_findings(
      "linux.conf.pre-post-script", "/etc/azure/VMSnapshotScriptPluginConfig.json",
      {
          {"good",
           R"({"pluginName": "ScriptRunner", "preScriptLocation": "/opt/pre.sh", "postScriptLocation": "/opt/post.sh",
               "preScriptParams": ["", ""], "timeoutInSeconds": 30, "continueBackupOnFailure": true, "fsFreezeEnabled": true})",
           {}},
          {"longest allowed",
           R"({"preScriptLocation": "/a", "postScriptLocation": "/b", "timeoutInSeconds": "1800"})",
           {}},
          {"too long",
           R"({"preScriptLocation": "/a", "postScriptLocation": "/b", "timeoutInSeconds": 3600})",
           {"linux.prepost.timeout-too-long"}},
          {"template",
           R"({"preScriptLocation": "", "postScriptLocation": ""})",
           {"linux.prepost.script-not-set", "linux.prepost.script-not-set"}},
          {"relative",
           R"({"preScriptLocation": "pre.sh", "postScriptLocation": "/b"})",
           {"linux.prepost.script-path-relative"}},
          {"strict",
           R"({"preScriptLocation": "/a", "postScriptLocation": "/b", "continueBackupOnFailure": false})",
           {"linux.prepost.backup-stops-on-failure"}},
          {"no freeze",
           R"({"preScriptLocation": "/a", "postScriptLocation": "/b", "fsFreezeEnabled": "False"})",
           {"linux.prepost.freeze-disabled"}},
          {"broken", "{\"preScriptLocation\": \"/a\",}", {"linux.prepost.config-unreadable"}},
          {"empty", "", {"linux.prepost.config-unreadable"}},
          {"list", "[]", {"linux.prepost.config-unreadable"}},
      });
}

TEST(PrePostConfig, EmptyScriptsAreOnlyWorthKnowing) {
  const Insights insights = run_check<PrePostConfigAnalyzer>("linux.conf.pre-post-script", "/etc/azure/x.json",
                                                             R"({"postScriptLocation": "/b"})");
  ASSERT_EQ(insights.findings.size(), 1U);
  EXPECT_EQ(insights.findings[0].severity, Severity::info);
}

TEST(PrePostConfig, PluginHostConfigurationIsChecked) {
  expect_findings(
      "linux.conf.plugin-host", "/etc/azure/VMSnapshotPluginHost.conf",
      {
          {"good", "[pre_post]\ntimeoutInSeconds = 1800\nnumberOfPlugins = 1\npluginName0 = ScriptRunner\n", {}},
          {"too long", "[pre_post]\ntimeoutInSeconds=7200\n", {"linux.prepost.timeout-too-long"}},
          {"no plug-ins", "[pre_post]\nnumberOfPlugins: 0\n", {"linux.prepost.no-plugins"}},
          {"empty", "", {}},
      });
}

TEST(PrePostConfig, SwitchedOffLoggingIsReported) {
  expect_findings(
      "linux.conf.vmbackup", "/etc/azure/vmbackup.conf",
      {
          {"usual", "[SnapshotThread]\nfsfreeze: True\ntimeout: 60\n\n[Monitor]\nRun = True\nStrace = False\n", {}},
          {"no file log", "[SnapshotThread]\nWriteLog = False\n", {"linux.vmbackup.logging-off"}},
          {"written out", "[SnapshotThread]\nWriteLog: True\nLoggingOff: 0\nMountsToSkip =\n", {}},
          {"off in the freeze", "[SnapshotThread]\nLoggingOff=1\n", {"linux.vmbackup.logging-reduced"}},
          {"commented out", "# WriteLog = False\n; LoggingOff=1\n", {}},
          {"skips", "[SnapshotThread]\nMountsToSkip = /data,/mnt/x\n", {"linux.vmbackup.mounts-skipped"}},
      });
}

TEST(PrePostConfig, AgentConfigurationIsChecked) {
  expect_findings(
      "linux.conf.waagent", "/etc/waagent.conf",
      {
          {"usual",
           "Extensions.Enabled=y\nProvisioning.Agent=auto\n# HttpProxy.Host=None\nAutoUpdate.Enabled=y\n"
           "AutoUpdate.UpdateToLatestVersion=y\n",
           {}},
          {"no extensions", "Extensions.Enabled=n\n", {"linux.waagent-conf.extensions-off"}},
          {"with comment", "Extensions.Enabled=y  # n to switch off\n", {}},
          {"no updates", "AutoUpdate.Enabled=n\n", {"linux.waagent-conf.autoupdate-off"}},
          {"proxy", "HttpProxy.Host=proxy.contoso.com\nHttpProxy.Port=3128\n", {"linux.waagent-conf.proxy"}},
          {"no proxy", "HttpProxy.Host=None\nHttpProxy.Port=None\n", {}},
      });
}

TEST(PrePostConfig, FilesThatOthersCanUseAreReported) {
  expect_findings(
      "linux.command.script-permissions", "stat",
      {
          {"good", "600 root root /etc/azure/VMSnapshotScriptPluginConfig.json\n700 root root /opt/pre.sh\n", {}},
          {"stricter",
           "400 root root /etc/azure/VMSnapshotPluginHost.conf\n500 root root /opt/my scripts/pre.sh\n",
           {}},
          {"nothing configured",
           "stat: cannot statx '/etc/azure/VMSnapshotScriptPluginConfig.json': No such file or directory\n"
           "stat: cannot stat '/etc/azure/VMSnapshotPluginHost.conf': No such file or directory\n",
           {}},
          {"script for all", "755 root root /opt/pre.sh\n", {"linux.prepost.script-permissions"}},
          {"script of another", "700 oracle dba /opt/pre.sh\n", {"linux.prepost.script-permissions"}},
          {"script that cannot run", "600 root root /opt/pre.sh\n", {"linux.prepost.script-permissions"}},
          {"readable configuration",
           "644 root root /etc/azure/VMSnapshotScriptPluginConfig.json\n",
           {"linux.prepost.config-permissions"}},
          {"missing script",
           "stat: cannot statx '/opt/pre.sh': No such file or directory\n",
           {"linux.prepost.script-missing"}},
          {"noise", "\nstat: missing operand\nx\n999 root root /opt/a.sh\n", {}},
      });
}

}  // namespace
}  // namespace vmtriage

#include "agent/redactor.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "agent/siphash.h"

namespace vmtriage {
namespace {

constexpr Redactor::Key kKey{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
constexpr std::string_view kOpen = "«";
constexpr std::string_view kClose = "»";

/// A text whose secrets stand between « and ».
struct SecretCase {
  const char* kind;
  std::string_view marked;
};

const char* const kSignature = "sas-signature";
const char* const kPassword = "password";
const char* const kToken = "token";

const SecretCase kSecrets[] = {
    // Shared access signatures
    {kSignature,
     "GET "
     "https://a.blob.core.windows.net/vhds/"
     "d.vhd?sv=2018-03-28&sr=b&sig=«7ap%2BxS9GQ%2FabcDEFghiJKLmnoPQRstuVWXyz01234%3D»&se=2024&sp=rw"},
    {kSignature, "url=https://a.blob.core.windows.net/c/b?sig=«AbCdEf0123456789AbCdEf0123456789AbCdEf012345=» done"},
    {kSignature, R"({"uri":"https://a/b?sv=2018\u0026sig=«AbCdEfGh%2B12%3D»\u0026se=2024"})"},
    {kSignature, R"({"uri":"https:\/\/a\/b?sv=2018&sig=«AbCd\/EfGh12=»"})"},
    {kSignature, "<Uri>https://a/b?sv=2018&amp;sig=«AbCdEfGh%2B12%3D»&amp;se=2024</Uri>"},
    {kSignature, "redirect=https%3A%2F%2Fa%2Fb%3Fsv%3D2018%26sig%3D«AbCdEfGh%252B12%253D»%26se%3D2024"},
    {kSignature, "redirect=b%253Fsv%253D2018%2526sig%253D«AbCdEfGh12»%2526se"},
    {kSignature, R"({"uri":"b?sv\u003d2018\u0026sig\u003d«AbCdEfGh12»\u0026se"})"},
    {kSignature, "SAS sv=2018 sig=«7ap%2BxS9GQ%2FabcDEFghiJKLmnoPQRstuVWXyz01234%3D» se=2024"},
    {kSignature, "https://a/b?SIG=«AbCdEfGh12345678»\r\n"},
    {kSignature, "SharedAccessSignature=sv=2019&ss=b&sig=«AbCdEfGh12345678»;EndpointSuffix=core.windows.net"},
    {kSignature, "BlobEndpoint=x;SharedAccessSignature=«opaque-value-0123456789»"},
    {kSignature, R"("sharedAccessSignature": "«opaque-value-0123456789»")"},
    // Account keys
    {"storage-key",
     "DefaultEndpointsProtocol=https;AccountName=a;AccountKey="
     "«Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/"
     "KBHBeksoGMGw==»;EndpointSuffix=core.windows.net"},
    {"storage-key",
     "Endpoint=sb://n/;SharedAccessKeyName=Root;SharedAccessKey=«abcDEF0123456789abcDEF0123456789abcDEF01234=»"},
    {"storage-key", R"({"storageAccountKey": "«abcDEF0123456789»"})"},
    {"storage-key", R"({\"storageAccountKey\":\"«abcDEF0123456789»\"})"},
    {"storage-key", "key1: «Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==»"},
    {"storage-key", "az storage blob list --account-key «abcDEF0123456789==» -o table"},
    {"storage-key", "<PrimaryKey>«abcDEF0123456789abcDEF0123456789»</PrimaryKey>"},
    {"product-key", "<ProductKey>«ABCDE-FGHIJ-KLMNO-PQRST-UVWXY»</ProductKey>"},
    // Protected settings
    {"protected-settings",
     R"("protectedSettings":"«MIIB0wYJKoZIhvcNAQcDoIIBxDCCAcACAQAx»","protectedSettingsCertThumbprint":"ABCDEF0123")"},
    {"protected-settings", R"("protectedSettings" : "«MIIB0wYJKoZIhvcNAQcDoIIBxDCCAcACAQAx»" , "publicSettings": {})"},
    {"protected-settings",
     R"(JSON config: "{\"protectedSettings\": \"«MIIB0wYJKoZIhvcNAQcDoII»\",\"publicSettings\": {}}")"},
    {"protected-settings", R"("m":"{\\\"protectedSettings\\\":\\\"«MIIB0wYJKoZIhvcNAQcDoII»\\\",\\\"a\\\":1}")"},
    {"protected-settings", R"({\u0022protectedSettings\u0022:\u0022«MIIB0wYJKoZIhvcNAQcDoII»\u0022})"},
    {"protected-settings", "{&quot;protectedSettings&quot;: &quot;«MIIB0wYJKoZIhvcNAQcDoII»&quot;}"},
    {"protected-settings", "{u'protectedSettings': u'«MIIB0wYJKoZIhvcNAQcDoII»', u'publicSettings': {}}"},
    {"protected-settings", "<ProtectedSettings>«MIIB0wYJKoZIhvcNAQcDoII»</ProtectedSettings>"},
    {"protected-settings", R"("protectedSettings": «{"commandToExecute": "x } \" y", "n": {"a": 1}}», "b": 2)"},
    {"protected-settings", R"(\"protectedSettings\": «{\"script\": \"a}b\"}», \"b\": 2)"},
    {"protected-settings",
     "\"protectedSettings\": «{»\n  «\"storage\": {»\n  «\"k\": \"v\" }»\n«}»,\n\"other\": {\n}\n"},
    // Tokens
    {kToken, "Authorization: Bearer «eyJ0eXAiOiJKV1QiLCJhbGci.eyJhdWQiOiJodHRwczovL20.c2lnbmF0dXJl_x-»"},
    {kToken, R"(headers: {'Authorization': 'Bearer «abcdef0123456789abcdef»', 'Accept': '*'})"},
    {kToken, R"(("Authorization", "Basic «dXNlcjpwYXNzd29yZA==»"))"},
    {kToken, "authorization: SharedKey «account:abcDEF0123456789=»"},
    {kToken, R"("Authorization":"«0123456789abcdefghijXYZ»")"},
    {kToken, "using Bearer «abcdef0123456789abcdef» for the vault"},
    {kToken, "msi answered «eyJ0eXAiOiJKV1QiLCJhbGci.eyJhdWQiOiJodHRwczovL20.c2lnbmF0dXJl_x-» ok"},
    {kToken, R"({"access_token":"«opaque0123456789»","expires_in":"3599","token_type":"Bearer"})"},
    {kToken, "objectStr «eyJibG9iU0FTVXJpIjpbImh0dHBzOi8vYS9iP3N2PTIwMTgmc2lnPWFiYyJdLCJ4Ijo2fQ==» end"},
    {kToken, "2024-05-01 10:00:00.1 Info snapshotTaskToken : «c2FtcGxlLXRva2Vu»\n"},
    {kToken, R"(Host Request body : {"taskId": "1", "snapshotTaskToken": "«c2FtcGxlLXRva2Vu»", "diskIds": []})"},
    {kToken, R"(\"snapshotTaskToken\":\"«c2FtcGxlLXRva2Vu»\")"},
    {kToken,
     "ddSnapshotIdentifier Information from Host- creationTime : 2024-05-01T00:00:00Z, id : 9f1c-22, token : "
     "«AbC.dEf-01_x»"},
    {kToken, "DDSnapshotIdentifier Information to CRP- creationTime : 1, id : 2, token : «AbCdEf01» \n"},
    {kToken,
     R"("directDriveSnapshotIdentifier":{"creationTime":{"DateTime":"x"},"id":"2","token":"«AbCdEf01»","instantAccessDurationMinutes":0})"},
    {kToken, R"(\"directDriveSnapshotIdentifier\": {\"id\": \"2\", \"token\": \"«AbCdEf01»\"})"},
    {kToken, "GET /path?token=«0123abcd» HTTP/1.1"},
    // Passwords
    {kPassword, "<wa:UserPassword>«P@ss w0rd!»</wa:UserPassword>"},
    {kPassword,
     "<AdministratorPassword>\r\n  <Value>«UABhAHMAcwA=»</Value>\r\n  "
     "<PlainText>false</PlainText>\r\n</AdministratorPassword>\r\n"},
    {kPassword, "<AdministratorPassword><Value>«UABhAHMAcwA=»</Value></AdministratorPassword>"},
    {kPassword, "<Password encrypted=\"false\">«Secret 1»</Password>"},
    {kPassword, "<Password><![CDATA[«a<b&c>9»]]></Password>"},
    {kPassword, "<Data Name=\"Password\">«Secret1»</Data>"},
    {kPassword, "<add key=\"Password\" value=\"«Secret1»\"/>"},
    {kPassword, "login failed, password=«hunter2»"},
    {kPassword, "run with (password=«hunter2»), retry"},
    {kPassword, "mount -o username=x,password=«hun,ter2»,vers=3.0 //h/s /mnt"},
    {kPassword, "?user=a&password=«hunter2»&x=1"},
    {kPassword, "pwd=«hunter2»;"},
    {kPassword, "Uid=sa;Pwd=«/hunter2»;Database=d"},
    {kPassword, "Server=s;User Id=u;Password=«my own pass»;Encrypt=true"},
    {kPassword, "Server=s;Password=«p;ss,w&rd»;User Id=u"},
    {kPassword, R"("connectionString": "Server=s;Password=«hunter2»")"},
    {kPassword, R"("Password" : "«with \"quote\" and \\»", "b": 1)"},
    {kPassword, R"('password': '«hunter2»', 'x': 1)"},
    {kPassword, R"({\"Password\":\"«hunter2»\"})"},
    {kPassword, R"({\"Password\":\"«in\\\"ner»\",\"x\":1})"},
    {kPassword, R"("password": «12345678»,)"},
    {kPassword, R"("adminPassword": {"value": "«hunter2 x»"},)"},
    {kPassword, R"("password":"«cut off at the end of the line)"
                "»\n"},
    {kPassword, "node.session.auth.password = «hunter2»\n"},
    {kPassword, "node.session.auth.password_in = «hunter2»\n"},
    {kPassword, "discovery.sendtargets.auth.password = «my own pass»\r\nnext = line\r\n"},
    {kPassword, "        InitiatorChapPassword=\"«a45f6fb9fe35a5»\"\n        ScriptId=\"83c8ef1b\"\n"},
    {kPassword, "$TargetPassword =\"«70d717a9e2daec2»\" \n"},
    {kPassword, "TargetPassword='«70d717a9e2daec2»'"},
    {kPassword, "\"TargetPassword\" : \"«70d717a9e2daec2»\","},
    {kPassword, "credString=«{'user': 'x', 'pw': 'y z'}»\n"},
    {kPassword, "credString: \"«abc def»\""},
    {kPassword, "hdbsql -n localhost:30013 -u SYSTEM -p «Manager1» -d SYSTEMDB \"select 1\""},
    {kPassword, "hdbsql -u SYSTEM -p«Manager1» select"},
    {kPassword, "hdbsql -u SYSTEM,«Manager1» select"},
    {kPassword, "hdbsql -u SYSTEM -p \"«Man ager1»\" select"},
    {kPassword, "['hdbsql', '-u', 'SYSTEM', '-p', '«Manager1»', '-j']"},
    {kPassword, "hdbuserstore Set AZUREWLBACKUPHANAUSER host:30013@SYSTEMDB BACKUPUSER «Manager1»"},
    {kPassword, "/usr/sap/X/hdbuserstore -i SET KEY localhost:30015 U '«Man ager1»'"},
    {kPassword, "ALTER USER backup PASSWORD \"«Manager1»\" NO FORCE"},
    {kPassword, "tool --password «hunter2» --verbose"},
    {kPassword, "tool --admin-password=«hunter2» --verbose"},
    {kPassword, "['tool', '--password', '«hunter2»']"},
    {kPassword, "net use z: \\\\h\\s /password:«Hunter2»"},
    {kPassword, "$p = -Password (ConvertTo-SecureString \"«Hunter 2»\" -AsPlainText)"},
    {kPassword, "chpasswd:\n  password: «hunter2»\n  expire: false\n"},
    {kPassword, "plain_text_passwd: «hunter2»\n"},
    {kPassword, "Enter password: «Hunter2»\n"},
    {kPassword, "export PGPASSWORD=«hunter2»"},
    {kPassword, "HttpProxy.Host=http://user:«p%40ss»@proxy.local:3128"},
    {kPassword, "http_proxy=http://user:«p@ss»@proxy:3128/"},
    {kPassword, R"("proxy":"http:\/\/user:«pass»@proxy:3128")"},
    {kPassword, "https_proxy=\"user:«pass»@proxy:3128\""},
    {kPassword, "redis://:«pass»@cache:6379"},
    {"secret", "client_secret=«abcDEF~0123.x»&grant_type=client_credentials"},
    {"secret", R"("aadClientSecret": "«abcDEF~0123.x»",)"},
    // Private keys
    {"private-key",
     "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: "
     "AES-128-CBC,00\n\n«MIIEowIBAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun»\n«VTLw7onLRnrq0/"
     "IzW7yWR7QkrmBL7jTKEn5u+qKhbwKfBstIs+bMY2Zkp18gnTxK»\n«LxoS2tFczGkPLPgizskuemMghRniWaoLcyehkd3qqGElvW/"
     "VDL5AaWTg0nLVkjRo»\n«9z+40RQzuVaE8AkA»\n-----END RSA PRIVATE KEY-----\nafter it\n"},
    {"private-key",
     "x\r\n-----BEGIN PRIVATE "
     "KEY-----\r\n«MC4CAQAwBQYDK2VwBCIEIABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop»\r\n-----END PRIVATE KEY-----\r\n"},
    {"private-key",
     "  key: |\n    -----BEGIN EC PRIVATE KEY-----\n    «MHcCAQEEIABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop»\n    "
     "«AAAA»\n    -----END EC PRIVATE KEY-----\n"},
    {"private-key",
     "May  1 10:00:00 h cloud-init[1]: -----BEGIN RSA PRIVATE KEY-----\nMay  1 10:00:00 h cloud-init[1]: "
     "«MIIEowIBAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun»\nMay  1 10:00:00 h cloud-init[1]: "
     "«9z+40RQzuVaE8AkA»\nMay  1 10:00:00 h cloud-init[1]: -----END RSA PRIVATE KEY-----\n"},
    {"private-key",
     R"({"key":"-----BEGIN PRIVATE KEY-----«\nMIIEowIBAAKCAQEAu1SU1LfVLPHC\nozMxH2Mo4lgOEePzNm0t\n»-----END PRIVATE KEY-----\n","x":1})"},
    {"private-key", R"({"key":"-----BEGIN PRIVATE KEY-----«\nMIIEowIBAAKCAQEAu1SU1LfVLPHC\nozMxH»"})"},
    {"private-key",
     "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: "
     "x\n\n«lQOYBFABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz012345»\n«=abcd»\n-----END PGP PRIVATE KEY "
     "BLOCK-----\n"},
    // Blobs
    {kSignature, R"({"objectStr": "«W3siYmxvYlNBU1VyaSI6WyJodHRwczovL21kLXgiXX1d»", "logsBlobUri": ""})"},
    {kSignature, R"({\"objectStr\":\"«W3siYmxvYlNBU1VyaSI6WyJodHRwczovL21kLXgiXX1d»\"})"},
    {kSignature, "objectStr=«W3siYmxvYlNBU1VyaSI6WyJodHRwczovL21kLXgiXX1d»"},
    {"custom-data", "<CustomData>«I2Nsb3VkLWNvbmZpZwo=»</CustomData>"},
    {"custom-data",
     "<wa:CustomData>\n«I2Nsb3VkLWNvbmZpZwpwYXNzd29yZDogc2Vj»\n  «cmV0Cg==»\n</wa:CustomData>\n<a>b</a>\n"},
    {"custom-data", R"("customData": "«I2Nsb3VkLWNvbmZpZwo=»",)"},
    {"custom-data", "<UserData>«I2Nsb3VkLWNvbmZpZwo=»</UserData>"},
    {"certificate",
     "<Data>"
     "«MIIKXAIBAzCCChwGCSqGSIb3DQEHAaCCCg0EggoJMIIKBTCCBgEGCSqGSIb3»\n«DQEHAaCCBfIEggXuMIIF6jCCBeYGCyqGSIb3DQEMCgECoIIE"
     "»\n</Data>\n"},
    {"certificate", "<ManagementCert>«MIIKXAIBAzCCChwGCSqGSIb3DQEHAaCCCg0EggoJMIIK»</ManagementCert>"},
    {"certificate",
     R"("pfx": "«MIIKXAIBAzCCChwGCSqGSIb3DQEHAaCCCg0EggoJMIIKBTCCBgEGCSqGSIb3DQEHAaCCBfIEggXuMIIF6jCCBeYGCyqGSIb3DQEMCg»")"},
};

/// Texts that name passwords, keys and tokens without holding one.
const std::string_view kHarmless[] = {
    "",
    "\n",
    "2024-05-01 FATAL:  password authentication failed for user \"x\"\n",
    "sshd[1]: Accepted password for root from 10.0.0.4 port 22 ssh2",
    "sshd[1]: Failed password for invalid user admin from 10.0.0.4",
    "sudo:     root : TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/bin/ls",
    "OLDPWD=/var/log\nPWD=C:\\Windows\n",
    "sudo: pam_unix(sudo:auth): auth could not identify password for [x]",
    "passwd[12]: pam_unix(passwd:chauthtok): password changed for root",
    "Password last set            1/1/2024",
    "Enter password: \nPassword:\r\n",
    "wrong password: the account is locked",
    "Maximum password age (days): 42",
    "MinimumPasswordLength = 7\nPasswordComplexity = 1",
    "PasswordAuthentication yes\nPermitRootLogin without-password",
    "password=********\npassword=<redacted>\n\"password\": null, \"password\": \"\"",
    "Password=${DB_PASSWORD}",
    "        \"TargetPassword\": TargetPassword,",
    "python ILRPythonScript.py $TargetUserName $TargetPassword $VMName $InitiatorChapPassword",
    "password = getpass.getpass()\npassword = args.password\nTargetPassword = params[\"TargetPassword\"]",
    "if password == expected:",
    "nsswitch: passwd: files systemd",
    "cat /etc/passwd: No such file",
    "UserErrorDatabaseUserPasswordExpired",
    "openssl pkcs12 -in x -password pass: -nodes",
    "type=ANOM_ABEND msg=audit(1.2:3): auid=0 uid=0 pid=1 comm=\"x\" sig=0 res=1",
    "type=SECCOMP msg=audit(1.2:3): sig=31 arch=c000003e syscall=1",
    "type=SYSCALL msg=audit(1.2:3): key=(null)\ntype=SYSCALL key=\"identity\"",
    "sig_handle=0 Signal=1 signature=valid design=sig",
    "The signature of the package is valid; signature: OK",
    "SharedAccessKeyName=RootManageSharedAccessKey",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "key fingerprint SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    "Public-Key: ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ root@host",
    "Registry key: HKLM\\SOFTWARE\\Microsoft\\Windows",
    "KeyPath=/var/lib/key.prv ssl_private_key=/etc/ssl/private/2024-host-key",
    "Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089",
    "Unexpected token: } in line 3; the token expired",
    "TokenElevationType: %%1936",
    "snapshotTaskToken : \nsnapshotTaskToken : None",
    "the token is invalid, bearer authentication is required",
    "Authorization: denied for user x\nMicrosoft.Authorization/roleAssignments/write",
    "\"protectedSettings\": null, \"protectedSettings\": {}, \"protectedSettingsCertThumbprint\":\"ABCDEF0123\"",
    "handlerSettings.protectedSettingsFromKeyVault",
    "objectStr is empty or null", "\"objectStr\": \"\"", "objectStr: could not be decoded, it is not base64",
    "secret: not found\nhttps://v.vault.azure.net/secrets/name/0123\n\"secretUrl\": "
    "\"https://v.vault.azure.net/secrets/x\"",
    "Provisioning.DecodeCustomData=n\nProvisioning.ExecuteCustomData=n\n/var/lib/waagent/CustomData",
    "<UserData><EventXML xmlns=\"Event_NS\"><Param1>x</Param1></EventXML></UserData>",
    "<UserData>\r\n  <EventXML>x</EventXML>\r\n</UserData>",
    "-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun\n-----END "
    "CERTIFICATE-----",
    "cannot find '-----BEGIN PRIVATE KEY-----'\nStopped\nStarted x\n",
    "hdbsql: command not found",
    "hdbsql -U SYSTEMKEY -j \"select 1\" | grep -p x",
    "The hdbuserstore Set command was not used here",
    "git@github.com:org/repo.git user@1000.service systemd-fsck@dev-disk.service",
    "https://host:8080/path@version https://user@host/ mailto:a@b.c http://[::1]:80/",
    "https://168.63.129.16/machine/?comp=goalstate",
    "ライターのパスワードを確認してください。 secret 秘密 キー: 値 token トークン",
    "/subscriptions/0a1b2c3d-0000-1111-2222-333344445555/resourceGroups/rg/providers/Microsoft.Compute",
    "HeartBeat: bearer; ii; hdb; h_b; riz; MII eyJ eyJ. eyJhbGciOi",
    "connection reset [redacted:password:0011aabb] and sig=[redacted:sas-signature:0011aabb]",
};

std::string hex8(std::uint64_t hash) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", static_cast<unsigned>(hash));
  return text.data();
}

struct Parsed {
  std::string input;
  std::string expected;
  std::vector<std::string> secrets;
};

Parsed parse(const SecretCase& one) {
  Parsed parsed;
  std::string_view rest = one.marked;
  for (std::size_t open = rest.find(kOpen); open != std::string_view::npos; open = rest.find(kOpen)) {
    const std::size_t begin = open + kOpen.size();
    const std::size_t close = rest.find(kClose, begin);
    const std::string secret(rest.substr(begin, close - begin));
    parsed.input.append(rest.substr(0, open)).append(secret);
    parsed.expected.append(rest.substr(0, open));
    parsed.expected += "[redacted:" + std::string(one.kind) + ":" + hex8(siphash(kKey, secret)) + "]";
    parsed.secrets.push_back(secret);
    rest.remove_prefix(close + kClose.size());
  }
  parsed.input.append(rest);
  parsed.expected.append(rest);
  return parsed;
}

struct Piece {
  std::string_view text;
  bool continues_line;
};

std::string through(const std::vector<Piece>& pieces) {
  const Redactor redactor(kKey);
  Redactor::Stream stream = redactor.stream();
  std::string result;
  std::string storage;
  for (const Piece& piece : pieces) result += stream.apply(piece.text, piece.continues_line, storage);
  result += stream.finish(storage);
  return result;
}

/// The longest run of a secret's bytes that still stands in the text.
std::size_t longest_leak(std::string_view text, std::string_view secret) {
  std::size_t longest = 0;
  for (std::size_t begin = 0; begin < secret.size(); ++begin) {
    while (begin + longest < secret.size() && text.find(secret.substr(begin, longest + 1)) != std::string_view::npos)
      ++longest;
  }
  return longest;
}

std::string words(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += "prose of a log ";
  return text;
}

TEST(SipHash, MatchesThePublishedVectors) {
  std::string input;
  EXPECT_EQ(siphash(kKey, input), 0x726fdb47dd0e0e31u);
  for (char c = 0; c < 15; ++c) input += c;
  EXPECT_EQ(siphash(kKey, input), 0xa129ca6149be45e5u);
}

TEST(Redactor, ReplacesEachSecretAndNothingElse) {
  for (const SecretCase& one : kSecrets) {
    const Parsed parsed = parse(one);
    EXPECT_EQ(Redactor(kKey).line(parsed.input), parsed.expected) << one.marked;
  }
}

TEST(Redactor, FindsSecretsInTheMiddleOfOtherLines) {
  for (const SecretCase& one : kSecrets) {
    const Parsed parsed = parse(one);
    const std::string before = "2024-05-01 something happened\r\n", after = "\n日本語の行\n";
    EXPECT_EQ(Redactor(kKey).line(before + parsed.input + after), before + parsed.expected + after) << one.marked;
  }
}

TEST(Redactor, LeavesHarmlessTextAlone) {
  for (const std::string_view text : kHarmless) EXPECT_EQ(Redactor(kKey).line(text), text);
}

TEST(Redactor, GivesTheBlockItselfWhenThereIsNothingToHide) {
  const Redactor redactor;
  auto stream = redactor.stream();
  std::string storage;
  const std::string block = words(100'000) + "\n";
  const std::string_view result = stream.apply(block, false, storage);
  EXPECT_EQ(result.data(), block.data());
  EXPECT_EQ(result.size(), block.size());
  EXPECT_EQ(stream.count(), 0u);
}

TEST(Redactor, ChangesNothingInWhatItHasRedacted) {
  for (const SecretCase& one : kSecrets) {
    const std::string once = Redactor(kKey).line(parse(one).input);
    EXPECT_EQ(Redactor().line(once), once) << one.marked;
  }
}

TEST(Redactor, FindsASecretThatIsTornByACutLine) {
  for (const SecretCase& one : kSecrets) {
    const Parsed parsed = parse(one);
    for (std::size_t at = 0; at <= parsed.input.size(); ++at) {
      const std::string_view input = parsed.input;
      EXPECT_EQ(through({{input.substr(0, at), true}, {input.substr(at), false}}), parsed.expected)
          << one.marked << " cut at " << at;
    }
  }
}

TEST(Redactor, FindsATornSecretInALineThatIsLongerThanWhatIsHeldBack) {
  const std::string before = words(6000), after = " " + words(6000);
  for (const SecretCase& one : kSecrets) {
    const Parsed parsed = parse(one);
    const std::string input = before + parsed.input + after;
    const std::string whole = through({{input, false}});
    for (std::size_t at = before.size(); at <= before.size() + parsed.input.size(); ++at) {
      const std::string_view view = input;
      EXPECT_EQ(through({{view.substr(0, at), true},
                         {view.substr(at, 5000), true},
                         {view.substr(std::min(view.size(), at + 5000)), false}}),
                whole)
          << one.marked << " cut at " << at;
    }
  }
}

TEST(Redactor, FindsSecretsThatGoOnInTheNextBlock) {
  for (const SecretCase& one : kSecrets) {
    const Parsed parsed = parse(one);
    const std::string_view input = parsed.input;
    std::vector<Piece> lines;
    for (std::size_t begin = 0, end = 0; begin < input.size(); begin = end) {
      end = std::min(input.size(), std::min(input.find('\n', begin), input.size()) + 1);
      lines.push_back({input.substr(begin, end - begin), false});
    }
    EXPECT_EQ(through(lines), parsed.expected) << one.marked;
  }
}

TEST(Redactor, LeaksNothingOfASecretLongerThanItHoldsBack) {
  std::string secret;
  std::mt19937 random(1);
  while (secret.size() < 700'000)
    secret += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[random() % 64];
  const std::string input = "\"protectedSettings\":\"" + secret + "\",\"next\":1}\n";
  const std::string_view view = input;
  for (const std::size_t at : {10u, 22u, 300'000u, 700'000u}) {
    const std::string result = through({{view.substr(0, at), true}, {view.substr(at), false}});
    EXPECT_LT(longest_leak(result, secret.substr(0, 64)), 6u);
    EXPECT_LT(longest_leak(result, secret.substr(at > 700'000 ? 0 : at - std::min<std::size_t>(at, 64), 128)), 6u);
    EXPECT_TRUE(result.ends_with("\",\"next\":1}\n")) << at;
    EXPECT_LT(result.size(), 300u);
  }
}

TEST(Redactor, GivesTheSameSecretTheSameDigitsEverywhere) {
  const Redactor redactor;
  const char* const kTexts[] = {"password=hunter2\n", "http://u:hunter2@h/", "<Password>hunter2</Password>",
                                "client_secret=hunter2 x", R"("Password": "hunter2")"};
  std::set<std::string> digits;
  for (const char* text : kTexts) {
    const std::string result = redactor.line(text);
    digits.insert(result.substr(result.find(']') - 8, 8));
  }
  EXPECT_EQ(digits.size(), 1u);
  EXPECT_NE(redactor.line("password=hunter2"), redactor.line("password=hunter3"));
}

TEST(Redactor, HasAnotherKeyInEveryRun) {
  EXPECT_NE(Redactor().line("password=hunter2"), Redactor().line("password=hunter2"));
}

TEST(Redactor, CountsPlaceholders) {
  const Redactor redactor;
  auto stream = redactor.stream();
  std::string storage;
  stream.apply("password=a1 pwd=b2\n", false, storage);
  stream.apply("https://a/b?sig=abcdefgh\n", false, storage);
  EXPECT_EQ(stream.count(), 3u);
}

TEST(Redactor, KeepsEveryByteThatIsNoSecret) {
  const std::string nul("a\0b\xff\xfe password=", 15);
  EXPECT_TRUE(Redactor().line(nul + "hunter2").starts_with(nul + "[redacted:password:"));
  std::mt19937 random(7);
  std::string bytes(1 << 20, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  EXPECT_EQ(Redactor().line(bytes), bytes);
  EXPECT_EQ(
      through({{std::string_view(bytes).substr(0, 333'333), true}, {std::string_view(bytes).substr(333'333), false}}),
      bytes);
}

TEST(Redactor, TakesSeveralThreads) {
  const Redactor redactor(kKey);
  const Parsed parsed = parse(kSecrets[0]);
  std::array<std::string, 4> results;
  {
    std::array<std::jthread, 4> threads;
    for (std::size_t i = 0; i < threads.size(); ++i)
      threads[i] = std::jthread([&, i] { results[i] = redactor.line(parsed.input); });
  }
  for (const std::string& result : results) EXPECT_EQ(result, parsed.expected);
}

}  // namespace
}  // namespace vmtriage

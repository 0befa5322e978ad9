// Stands in for vssadmin.exe: `vssadmin list writers` prints the bytes of the file `<own path>.writers.txt`, and so on,
// or that there is nothing. Where there is a file `<own path>.hang`, it starts itself once more and then both wait for
// ever.

#include <windows.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

int main(int argc, char** argv) {
  char own[MAX_PATH];
  GetModuleFileNameA(nullptr, own, MAX_PATH);
  const std::string path = own;
  std::ifstream text(path + "." + (argc > 2 ? argv[2] : "") + ".txt", std::ios::binary);
  const std::string bytes =
      text ? std::string(std::istreambuf_iterator<char>(text), {}) : "No items found that satisfy the query.\r\n";
  DWORD written = 0;
  WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), bytes.data(), static_cast<DWORD>(bytes.size()), &written, nullptr);
  if (GetFileAttributesA((path + ".hang").c_str()) == INVALID_FILE_ATTRIBUTES) return 0;
  if (argc > 1 && std::string(argv[1]) != "child") {
    STARTUPINFOA start{};
    start.cb = sizeof start;
    PROCESS_INFORMATION made{};
    std::string line = "\"" + path + "\" child";
    CreateProcessA(path.c_str(), line.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &start, &made);
  }
  Sleep(INFINITE);
}

#include "collectors/files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "collectors/finder.h"
#include "collectors/windows/native.h"
#include "tests/agent/scratch_folder.h"

namespace vmtriage {
namespace {

Handle open_with(const std::string& path, DWORD access, DWORD share) {
  return Handle(CreateFileW(native_path(path).c_str(), access, share, nullptr, OPEN_EXISTING, 0, nullptr));
}

TEST(WindowsFiles, AFileThatIsBeingWrittenIsRead) {
  const ScratchFolder folder;
  const std::string path = folder.file("busy.log");
  write_bytes(path, "line\n");
  const Handle writer = open_with(path, GENERIC_WRITE, FILE_SHARE_READ);
  ASSERT_TRUE(writer);
  const auto text = read_file(path, 100);
  ASSERT_TRUE(text.ok()) << text.error().what;
  EXPECT_EQ(*text, "line\n");
}

TEST(WindowsFiles, AFileThatIsNotSharedIsLocked) {
  const ScratchFolder folder;
  const std::string path = folder.file("locked.log");
  write_bytes(path, "line\n");
  const Handle owner = open_with(path, GENERIC_READ | GENERIC_WRITE, 0);
  ASSERT_TRUE(owner);
  const auto text = read_file(path, 100);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().code, ErrorCode::locked) << text.error().what;
  EXPECT_EQ(text.error().what, shown(path) + ": used by another process");
}

TEST(WindowsFiles, AFileThatTookTheNameOfAnotherIsToldFromIt) {
  const ScratchFolder folder;
  write_bytes(folder.file("a"), "x");
  write_bytes(folder.file("b"), "x");
  const Handle look = open_with(folder.file("a"), FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE);
  const Handle same = open_with(folder.file("a"), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE);
  const Handle other = open_with(folder.file("b"), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE);
  EXPECT_TRUE(is_same_file(look.get(), same.get()));
  EXPECT_FALSE(is_same_file(look.get(), other.get()));
}

/// False where this system makes none, as under Wine.
bool make_junction(const std::string& link, const std::string& target) {
  const std::string command = "cmd /c mklink /J \"" + shown(link) + "\" \"" + shown(target) + "\"";
  (void)run_quietly(command);
  const auto info = file_info(link);
  return info && info->type == FileType::link;
}

TEST(WindowsFiles, AJunctionLoopIsNotWalked) {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder.file("logs"));
  write_bytes(folder.file("logs/x.log"), "x");
  if (!make_junction(folder.file("logs/loop"), folder.path())) GTEST_SKIP() << "this system makes no junctions";
  std::vector<std::string> found;
  std::string reason;
  Finder finder(path_of(native_path(folder.path())), {"/logs/**"}, {}, nullptr, Names::any_case);
  finder.find("/logs/**", [&](const FoundFile& file) { found.push_back(file.path); },
              [&](const std::string& path, const std::string& why, std::uint64_t) { reason += path + ": " + why; });
  EXPECT_EQ(found, (std::vector<std::string>{"/logs/x.log"}));
  EXPECT_EQ(reason, "/logs/loop: a link or a junction: not followed");
}

TEST(WindowsFiles, OurOwnReadingKeepsNobodyFromDeleting) {
  const ScratchFolder folder;
  const std::string path = folder.file("rotated.log");
  write_bytes(path, "line\n");
  const auto file = open_file(path);
  ASSERT_TRUE(file.ok()) << file.error().what;
  EXPECT_TRUE(DeleteFileW(native_path(path).c_str()));
}

TEST(WindowsFiles, PathsOfAnyLengthAndScriptAreReadAndListed) {
  const ScratchFolder folder;
  std::string path = folder.path();
  for (int i = 0; i < 8; ++i) {
    path += "/" + std::string(50, static_cast<char>('a' + i));
    ASSERT_TRUE(CreateDirectoryW(native_path(path).c_str(), nullptr)) << path;
  }
  const std::string name = "記録 😀.log";
  const Handle made(CreateFileW(native_path(path + "/" + name).c_str(), GENERIC_WRITE, 0, nullptr, CREATE_NEW, 0, nullptr));
  DWORD written = 0;
  ASSERT_TRUE(WriteFile(made.get(), "x", 1, &written, nullptr));
  const auto names = list_folder(path);
  ASSERT_TRUE(names.ok()) << names.error().what;
  ASSERT_EQ(names->size(), 1u);
  EXPECT_EQ((*names)[0], name);
  const auto info = file_info(path + "/" + name);
  ASSERT_TRUE(info.ok()) << info.error().what;
  EXPECT_EQ(info->type, FileType::regular);
  EXPECT_EQ(info->size, 1u);
}

TEST(WindowsFiles, AFileIsReadToTheSizeItHadWhenItWasOpened) {
  const ScratchFolder folder;
  const std::string path = folder.file("growing.log");
  write_bytes(path, "old");
  const auto file = open_file(path, 1);
  ASSERT_TRUE(file.ok());
  write_bytes(path, "older and longer");
  std::string buffer(100, '\0');
  const auto got = file->read(buffer);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(buffer.substr(0, *got), "ld");
  EXPECT_EQ(*file->read(buffer), 0u);
}

TEST(WindowsFiles, WhatIsKeptElsewhereIsNotBroughtBack) {
  const ScratchFolder folder;
  const std::string path = folder.file("cloud.log");
  write_bytes(path, "x");
  if (!SetFileAttributesW(native_path(path).c_str(), FILE_ATTRIBUTE_OFFLINE) ||
      (GetFileAttributesW(native_path(path).c_str()) & FILE_ATTRIBUTE_OFFLINE) == 0) {
    GTEST_SKIP() << "this file system keeps no such attribute";
  }
  const auto file = open_file(path);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code, ErrorCode::unsupported);
}

TEST(WindowsFiles, WhatIsMissingOrAFolderIsAnError) {
  const ScratchFolder folder;
  EXPECT_EQ(file_info(folder.file("none")).error().code, ErrorCode::not_found);
  EXPECT_EQ(file_info(folder.file("none/none")).error().code, ErrorCode::not_found);
  EXPECT_EQ(open_file(folder.path()).error().code, ErrorCode::unsupported);
  EXPECT_EQ(list_folder(folder.file("none")).error().code, ErrorCode::not_found);
  EXPECT_EQ(real_path(folder.file("none")).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace vmtriage

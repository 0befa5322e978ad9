#include <exception>
#include <iostream>
#include <new>

#include "agent/options.h"
#include "agent/run.h"
#include "agent/start.h"

namespace {

int run_program(int argc, char** argv) {
  try {
    const auto parsed = vmtriage::parse_options(vmtriage::start_process(argc, argv));
    if (const auto* answer = std::get_if<vmtriage::UsageAnswer>(&parsed)) {
      (answer->exit_code == 0 ? std::cout : std::cerr) << answer->text;
      return answer->exit_code;
    }
    return vmtriage::run(std::get<vmtriage::Options>(parsed));
  } catch (const std::bad_alloc&) {
    std::cerr << "vmtriage: out of memory\n";
  } catch (const std::exception& error) {
    std::cerr << "vmtriage: " << error.what() << "\n";
  }
  return vmtriage::kIoError;
}

}  // namespace

int main(int argc, char** argv) { vmtriage::end_process(run_program(argc, argv)); }

#pragma once

#include <string>

namespace vmtriage {

/// The name of the computer whose disk is at `root`, from its System event log: the one that most of the newest events name, since
/// an image brings older ones of other machines with it. `vm1` of `vm1.contoso.com`; empty when there is no such log.
std::string computer_of_logs(const std::string& root);

}  // namespace vmtriage

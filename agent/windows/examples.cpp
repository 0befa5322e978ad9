#include "agent/examples.h"

namespace vmtriage {

const Examples kExamples = {
    .overview =
        "  vmtriage collect              diagnose this VM and make the zip for support; from an elevated prompt\n"
        "  vmtriage analyze E:\\          diagnose an attached disk, a folder or an archive\n"
        "  vmtriage explain 0x800423f4   what an error code means",
    .collect =
        "  vmtriage collect   from an elevated prompt (Run as administrator)\n"
        "  vmtriage collect --profile vss --case-id 2405010040001234 -o D:\\logs\n"
        "  vmtriage collect --profile file-restore --path C:\\Users\\admin\\Downloads\\myVM-20240501093913\n"
        "  vmtriage collect --root E:\\ --dry-run",
    .analyze =
        "  vmtriage analyze E:\\\n"
        "  vmtriage analyze logs.zip --lang ja\n"
        "  vmtriage analyze --format json vmlogs.zip > findings.json",
};

}  // namespace vmtriage

#include "agent/examples.h"

namespace vmtriage {

const Examples kExamples = {
    .overview =
        "  sudo vmtriage collect                      diagnose this VM and make the zip for support\n"
        "  vmtriage analyze /mnt/copied-disk          diagnose a copied disk, a folder or an archive\n"
        "  vmtriage explain UserErrorFsFreezeFailed   what an error code means",
    .collect =
        "  sudo vmtriage collect\n"
        "  sudo vmtriage collect --profile sap-hana --case-id 2405010040001234 -o /tmp\n"
        "  sudo vmtriage collect --profile file-restore --path /root/myVM-20240501093913\n"
        "  vmtriage collect --root /mnt/disk --dry-run",
    .analyze =
        "  vmtriage analyze /mnt/disk\n"
        "  vmtriage analyze logs.zip --lang ja\n"
        "  vmtriage analyze --format json sosreport.tar.xz > findings.json",
};

}  // namespace vmtriage

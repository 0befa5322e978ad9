#include "collectors/event_log.h"

namespace vmtriage {

ExportChannel event_log_service() { return {}; }

}  // namespace vmtriage

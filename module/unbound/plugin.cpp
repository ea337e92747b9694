// The six functions that the host calls.
//
// Nothing thrown leaves this file: a query whose handling fails is passed on to the resolver,
// counted and logged at a bounded rate. Rules never fail init(), because the host would end: with
// bad rules everything is passed on, loudly.
#include <algorithm>
#include <array>
#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include "host_build_id.h"
#include "loader/loader.h"
#include "unbound/abi_guard.h"
#include "unbound/elf_note.h"
#include "unbound/module.h"
#include "unbound/query.h"
#include "unbound/shim.h"
#include "unbound/verify.h"

namespace mxw {
namespace {

/// Tells `mxwarden doctor`, and readelf, which program the module is for, without loading it.
struct HostNote {
  std::uint32_t name_bytes = kHostNoteName.size() + 1;
  std::uint32_t text_bytes = kHostBuildId.size();
  std::uint32_t type = kHostNoteType;
  std::array<char, 12> name = {};
  std::array<char, (kHostBuildId.size() + 3) / 4 * 4> text = {};

  constexpr HostNote() {
    std::copy(kHostNoteName.begin(), kHostNoteName.end(), name.begin());
    std::copy(kHostBuildId.begin(), kHostBuildId.end(), text.begin());
  }
};
static_assert(sizeof(HostNote) == 24 + (kHostBuildId.size() + 3) / 4 * 4, "as elf(5) has it");
[[gnu::section(".note.mxwarden"), gnu::used, gnu::aligned(4)]] constexpr HostNote kHostNote;

/// Set once init() has seen that the host is the right one; until then none of its structures may
/// be read, not even by deinit().
bool host_accepted = false;

/// Says in the resolver's log that `what` was thrown: the 1st, 2nd, 4th, 8th … time, since whatever
/// throws once may throw on each query.
void report_failure(const char *what) noexcept {
  static std::atomic<std::uint64_t> failures = 0;
  const std::uint64_t n = failures.fetch_add(1, std::memory_order_relaxed) + 1;
  if ((n & (n - 1)) != 0)
    return;
  std::array<char, 256> text = {};
  std::snprintf(text.data(), text.size(),
                "mxwarden: an internal error (%s), number %" PRIu64
                "; a query that it concerned was passed on",
                what, n);
  mxw_log_error(text.data());
}

/// Runs `work`, which is what one of the host's calls asks for. What it throws ends here; returns
/// false then.
template <class Work> bool guarded(Work &&work) noexcept {
  try {
    work();
    return true;
  } catch (const std::exception &e) {
    report_failure(e.what());
  } catch (...) {
    report_failure("of no known type");
  }
  return false;
}

Module &module_of(struct module_qstate *qstate, int id) noexcept {
  return *static_cast<Module *>(mxw_owner_of(qstate, id));
}

void operate(struct module_qstate *qstate, int event, int id) {
  switch (mxw_step_of(event)) {
  case MXW_STEP_START:
    begin_query(module_of(qstate, id), qstate, id);
    return;
  case MXW_STEP_DONE:
    end_query(module_of(qstate, id), qstate, id);
    return;
  case MXW_STEP_OTHER:
    mxw_fail(qstate, id);
    return;
  }
}

/// Returns 1 if the host may go on.
int init(struct module_env *env, int id) {
  if (const auto mismatch = host_mismatch(running_build_id(), kHostBuildId, mxw_host_version)) {
    mxw_log_error(mismatch->c_str());
    return 0;
  }
  host_accepted = true;
  if (const char *other = mxw_misplaced(env))
    log_lines(
        "module-config has '" + std::string(other) +
        "' before 'dynlib': it would answer for look-alikes from a store of its own, or judge "
        "our answers; put 'dynlib' before it");
  auto module = std::make_unique<Module>(default_config(), env);
  if (mxw_register_callbacks(env, id) == 0) {
    mxw_unregister_callbacks(env, id);
    mxw_log_error("mxwarden: out of memory");
    return 0;
  }
  mxw_set_owner(env, id, module.release());
  return 1;
}

void deinit(struct module_env *env, int id) {
  if (!host_accepted)
    return;
  auto *module = static_cast<Module *>(mxw_owner(env, id));
  if (module == nullptr)
    return; // init() failed
  mxw_unregister_callbacks(env, id);
  mxw_set_owner(env, id, nullptr);
  delete module; // NOLINT(*-owning-memory): the host keeps our pointer
}

std::size_t memory_bytes(struct module_env *env, int id) {
  if (!host_accepted)
    return 0;
  const auto *module = static_cast<Module *>(mxw_owner(env, id));
  return module == nullptr ? 0 : module->memory_bytes();
}

} // namespace
} // namespace mxw

extern "C" {

// The host's names and signatures: util/module.h, struct module_func_block.
#define MXW_EXPORT [[gnu::visibility("default")]]

MXW_EXPORT int init(struct module_env *env, int id) noexcept {
  int may_go_on = 0;
  mxw::guarded([&] { may_go_on = mxw::init(env, id); });
  return may_go_on;
}

MXW_EXPORT void deinit(struct module_env *env, int id) noexcept {
  mxw::guarded([&] { mxw::deinit(env, id); });
}

MXW_EXPORT void operate(struct module_qstate *qstate, int event, int id,
                        void * /*outbound*/) noexcept {
  if (mxw::guarded([&] { mxw::operate(qstate, event, id); }))
    return;
  if (mxw_kept *kept = mxw_kept_of(qstate, id))
    mxw_stop_waiting(qstate, kept);
  mxw_pass_on(qstate, id);
}

MXW_EXPORT void inform_super(struct module_qstate *qstate, int id,
                             struct module_qstate * /*super*/) noexcept {
  mxw::guarded([&] { mxw::learn(mxw::module_of(qstate, id), qstate); });
}

MXW_EXPORT void clear(struct module_qstate *qstate, int id) noexcept { mxw_forget(qstate, id); }

MXW_EXPORT size_t get_mem(struct module_env *env, int id) noexcept {
  size_t bytes = 0;
  mxw::guarded([&] { bytes = mxw::memory_bytes(env, id); });
  return bytes;
}
}

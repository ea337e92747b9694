#include "unbound/abi_guard.h"

#include <cstddef>
#include <span>

#include <elf.h>
#include <link.h>

#include "unbound/elf_note.h"

namespace mxw {
namespace {

/// For dl_iterate_phdr(3), which begins with the program itself.
int visit_program(struct dl_phdr_info *info, std::size_t /*size*/, void *result) {
  auto &build_id = *static_cast<std::optional<std::string> *>(result);
  for (const ElfW(Phdr) & segment : std::span(info->dlpi_phdr, info->dlpi_phnum)) {
    if (segment.p_type != PT_NOTE || build_id)
      continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader gives addresses as numbers
    const auto *start = reinterpret_cast<const unsigned char *>(info->dlpi_addr + segment.p_vaddr);
    if (const auto id =
            find_note({start, segment.p_memsz}, segment.p_align, "GNU", NT_GNU_BUILD_ID))
      build_id = hex(*id);
  }
  return 1; // the first object only
}

} // namespace

std::optional<std::string> running_build_id() {
  std::optional<std::string> build_id;
  dl_iterate_phdr(visit_program, &build_id);
  return build_id;
}

std::optional<std::string> host_mismatch(const std::optional<std::string> &running,
                                         std::string_view expected,
                                         std::string_view expected_version) {
  if (running == expected)
    return std::nullopt;
  return "mxwarden: refused to load: compiled for unbound " + std::string(expected_version) +
         " with build-id " + std::string(expected) + ", but this program has " +
         (running ? "build-id " + *running : std::string("none")) +
         "; install the mxwarden that was built for this unbound, or build it again against it, or "
         "take 'dynlib' out of module-config";
}

} // namespace mxw

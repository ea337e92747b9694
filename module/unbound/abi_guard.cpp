#include "unbound/abi_guard.h"

#include <cstddef>
#include <cstring>
#include <span>

#include <elf.h>
#include <link.h>

namespace mxw {
namespace {

constexpr std::size_t align_up(std::size_t n, std::size_t to) noexcept {
  return (n + to - 1) / to * to;
}

std::string hex(std::span<const unsigned char> octets) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char octet : octets) {
    text += kDigits[octet >> 4U];
    text += kDigits[octet & 0xfU];
  }
  return text;
}

/// Looks for a build-id in one segment of notes. Source: elf(5), "Notes (Nhdr)".
std::optional<std::string> find_build_id(std::span<const unsigned char> notes, std::size_t align) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes.data(), sizeof(header));
    const std::size_t name_at = sizeof(header);
    const std::size_t octets_at = name_at + align_up(header.n_namesz, align);
    const std::size_t end = octets_at + align_up(header.n_descsz, align);
    if (end > notes.size())
      return std::nullopt;
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == sizeof("GNU") &&
        std::memcmp(notes.data() + name_at, "GNU", sizeof("GNU")) == 0)
      return hex(notes.subspan(octets_at, header.n_descsz));
    notes = notes.subspan(end);
  }
  return std::nullopt;
}

/// For dl_iterate_phdr(3), which begins with the program itself.
int visit_program(struct dl_phdr_info *info, std::size_t /*size*/, void *result) {
  auto &build_id = *static_cast<std::optional<std::string> *>(result);
  for (const ElfW(Phdr) & segment : std::span(info->dlpi_phdr, info->dlpi_phnum)) {
    if (segment.p_type != PT_NOTE || build_id)
      continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader gives addresses as numbers
    const auto *start = reinterpret_cast<const unsigned char *>(info->dlpi_addr + segment.p_vaddr);
    build_id = find_build_id({start, segment.p_memsz}, segment.p_align == 8 ? 8 : 4);
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

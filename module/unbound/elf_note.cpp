#include "unbound/elf_note.h"

#include <cstring>

#include <elf.h>

namespace mxw {

std::optional<std::span<const unsigned char>> find_note(std::span<const unsigned char> notes,
                                                        std::size_t align, std::string_view name,
                                                        std::uint32_t type) {
  const std::size_t to = align == 8 ? 8 : 4;
  const auto align_up = [to](std::size_t n) { return (n + to - 1) / to * to; };
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr header; // both classes have the same
    std::memcpy(&header, notes.data(), sizeof(header));
    const std::size_t name_at = sizeof(header);
    const std::size_t octets_at = name_at + align_up(header.n_namesz);
    const std::size_t end = octets_at + align_up(header.n_descsz);
    if (end > notes.size())
      return std::nullopt;
    if (header.n_type == type && header.n_namesz == name.size() + 1 &&
        std::memcmp(notes.data() + name_at, name.data(), name.size()) == 0)
      return notes.subspan(octets_at, header.n_descsz);
    notes = notes.subspan(end);
  }
  return std::nullopt;
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

} // namespace mxw

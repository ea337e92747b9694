// Notes of ELF files: where a program has its build-id, and the module the build-id that it is for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mxw {

/// The module's own note, whose text is the build-id of the program that it is for, in hexadecimal.
constexpr std::string_view kHostNoteName = "mxwarden";
constexpr std::uint32_t kHostNoteType = 1;

/// Returns what the note of this name and type has in one segment of notes, which is aligned to
/// `align`; nullopt where there is none. Source: elf(5), "Notes (Nhdr)".
std::optional<std::span<const unsigned char>> find_note(std::span<const unsigned char> notes,
                                                        std::size_t align, std::string_view name,
                                                        std::uint32_t type);

/// In lower case.
std::string hex(std::span<const unsigned char> octets);

} // namespace mxw

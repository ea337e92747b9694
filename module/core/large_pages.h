// Memory of large tables, on large pages where the system has them: a look-up then waits for the
// table alone, and not for the page tables as well.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

#include <sys/mman.h>

namespace mxw {

/// An allocator that asks for large pages (madvise(2), MADV_HUGEPAGE) for what is larger than one;
/// all else, and a system without them, is served as usual.
template <class T> class LargePages {
public:
  using value_type = T;

  LargePages() noexcept = default;
  template <class Other> explicit(false) LargePages(const LargePages<Other> & /*other*/) noexcept {}

  /// Throws std::bad_alloc.
  T *allocate(std::size_t n) {
    const std::size_t bytes = n * sizeof(T);
    void *memory = ::operator new(bytes, alignment_of(bytes));
    if (bytes >= kPageBytes) // what fills no page whole stays as it is; that it fails is no harm
      ::madvise(memory, bytes / kPageBytes * kPageBytes, MADV_HUGEPAGE);
    return static_cast<T *>(memory);
  }
  void deallocate(T *memory, std::size_t n) noexcept {
    ::operator delete(memory, alignment_of(n * sizeof(T)));
  }
  friend bool operator==(const LargePages & /*a*/, const LargePages & /*b*/) noexcept {
    return true;
  }

private:
  static constexpr std::size_t kPageBytes = std::size_t{2} << 20U; // of x86-64, and most of arm64
  static constexpr std::align_val_t alignment_of(std::size_t bytes) noexcept {
    constexpr std::size_t kCacheLine = 64;
    return std::align_val_t(bytes >= kPageBytes ? kPageBytes : kCacheLine);
  }
};

template <class T> using LargeVector = std::vector<T, LargePages<T>>;

} // namespace mxw

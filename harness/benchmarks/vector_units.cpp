// Multiply-adds of one core's vector units alone: operands stay in registers, nothing is loaded or stored.
//
// Each sum needs the one before it, so a unit is busy only if there are as many sums as it has stages:
// twelve, for two units with a latency of four or five cycles (Agner Fog, instruction tables), and few
// enough for the sixteen registers of AVX2.

#if defined(__AVX512F__)
constexpr int BYTES = 64;
#elif defined(__AVX__)
constexpr int BYTES = 32;
#else
constexpr int BYTES = 16;
#endif

constexpr int SUMS = 12;

typedef float Singles __attribute__((vector_size(BYTES)));
typedef double Doubles __attribute__((vector_size(BYTES)));

template <class Vector, class Number>
static double summed(long turns) {
    const Vector factor = Vector{} + Number(0.999), more = Vector{} + Number(0.001);
    Vector sums[SUMS];
    for (int i = 0; i < SUMS; i++) sums[i] = Vector{} + Number(i);
    for (long turn = 0; turn < turns; turn++) {
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++) sums[i] = sums[i] * factor + more;
    }
    double all = 0;
    for (int i = 0; i < SUMS; i++) all += double(sums[i][0]);
    return all;
}

extern "C" {
int vector_bits() { return 8 * BYTES; }
int sums_in_a_turn() { return SUMS; }
double float32_turns(long turns) { return summed<Singles, float>(turns); }
double float64_turns(long turns) { return summed<Doubles, double>(turns); }
}

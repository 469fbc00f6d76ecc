// A dense layer, [example][feature]: the weights keep torch's layout, and a first layer can read the
// caller's rows where they are. The three products of a step are sums of outer products in registers.
#pragma once
#include "native_moments.h"

struct Dense {
  static constexpr int DEPTH = 128;  // inputs of a panel of transposed weights: it stays in the first cache
  static constexpr size_t NEAR = 1 << 17;  // weights that are 1 MiB with their velocities: a second cache
  static constexpr int INTEGERS = 7, REALS = 3;  // of each layer
  int inputs, outputs, has_bias;
  bool rectified, squared, gated;  // whether ReLU follows, or squares; whether the inputs come from a layer
  size_t in_stride, out_stride;
  Rounding rounding;
  Parameters weights, bias;  // weights as [output][in_stride], zeros at the end of a row
  Floats output;
  std::vector<const float*> rows;  // the inputs of each example
  Floats mask;                     // of the weights, of no size where there is none
  NormalizedRows norm;             // of the outputs, of no features where there is none
  Floats inner;                    // the outputs before they are squared, of no size where they are not
  bool dropped;                    // whether inputs are dropped while training,
  float rate;                      // and which share

  Dense(const int64_t* s, const double* reals, bool is_last, bool gated, int capacity, Rounding rounding)
      : inputs(s[0]), outputs(s[1]), has_bias(s[2]), rectified(!is_last && !s[4] && !s[6]),
        squared(s[6]), gated(gated), in_stride(padded(inputs)), out_stride(padded(outputs)), rounding(rounding), dropped(s[5]),
        rate((float)reals[2]) {
    weights.resize(outputs * in_stride), bias.resize(out_stride);
    output.resize(capacity * out_stride), rows.resize(capacity);
    if (s[3]) mask.resize(outputs * in_stride);
    if (s[4]) norm.make(outputs, out_stride, capacity, reals);
    if (squared) inner.resize(capacity * out_stride);
  }

  void prepare() {
    weights.prepare(rounding), bias.prepare(rounding);
    if (masked()) weights.cover(mask);
  }
  bool masked() const { return !mask.values.empty(); }

  // Drop inputs, or their gradients: what is kept, as bytes [example][input], is scaled up.
  void drop(const uint8_t* kept, int count, float* numbers) const {
    const V share = all(1 - rate);
    for (int b = 0; b < count; b++, kept += inputs, numbers += in_stride) {
      int i = 0;
      for (; i + L <= inputs; i += L) {
        Bytes bytes;
        std::memcpy(&bytes, kept + i, L);
        const Mask keep = __builtin_convertvector(bytes, Mask);
        store(numbers + i, keep != 0 ? load(numbers + i) / share : V{});
      }
      for (; i < inputs; i++) numbers[i] = kept[i] ? numbers[i] / share[0] : 0.f;
    }
  }

  void forward(int count);

  // The outputs times themselves, and the way back from the gradients of that.
  void square(int count) {
    for (size_t i = 0; i < count * out_stride; i += L) {
      const V value = load(output.data() + i);
      store(inner.data() + i, value), store(output.data() + i, value * value);
    }
  }
  void square_back(int count, float* gradient) const {
    for (size_t i = 0; i < count * out_stride; i += L)
      store(gradient + i, load(gradient + i) * 2 * load(inner.data() + i));
  }

  // From d loss / d outputs, [count][out_stride], to d loss / d inputs, [count][in_stride]. Of inputs that
  // come from a ReLU the gradient is zero where they are.
  void input_gradients(int count, const float* gradient, float* out) const;

  // A step of the weights and biases.
  void update(int count, const float* gradient, const Rule& rule);

 private:
  template <int N> void forward_panel(int count, int first, int depth, int o);
  void forward_narrow(int count);
  template <int M, int N> void dots(int b, int count, int o, int first, int end, V (*sum)[L]) const;
  void round(float* block, int m, int n) const;
  V lowest() const { return rectified ? V{} : -infinite(); }  // of outputs
};

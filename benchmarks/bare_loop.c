/* What hearing asks of a machine with nothing around it: the spectra and the walk of the forest's trees.

   Spectra: a Fourier transform over 512 real samples, made as one over 256 complex ones in four passes of
   radix 4 (Stockham's, which needs no bit reversal), LANES frames side by side so that every operation is one
   of whole vectors. The walk is over the agent's own nodes, tree by tree over all rows. */

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { FRAME = 512, HALF = FRAME / 2, BINS = HALF + 1, HOP = 125, LANES = 8 };

typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef struct { lanes re, im; } point;

static float window[FRAME], twiddle_re[FRAME], twiddle_im[FRAME], scale;

void prepare(void) {
    double sum = 0;
    for (int n = 0; n < FRAME; n++) {
        double hann = 0.5 - 0.5 * cos(2 * M_PI * n / FRAME);
        window[n] = (float)hann;
        sum += hann * hann;
        twiddle_re[n] = (float)cos(2 * M_PI * n / FRAME);
        twiddle_im[n] = (float)-sin(2 * M_PI * n / FRAME);
    }
    scale = (float)(2 / (FRAME * sum));
}

static inline point turned(point a, int by) {
    float re = twiddle_re[by], im = twiddle_im[by];
    return (point){a.re * re - a.im * im, a.re * im + a.im * re};
}

static point *transform(point *x, point *y) {
    for (int n = HALF, s = 1; n > 1; n /= 4, s *= 4) {
        for (int p = 0; p < n / 4; p++) {
            int by = p * (FRAME / n);
            for (int q = 0; q < s; q++) {
                point a = x[q + s * p], b = x[q + s * (p + n / 4)];
                point c = x[q + s * (p + n / 2)], d = x[q + s * (p + 3 * n / 4)];
                point ac = {a.re + c.re, a.im + c.im}, bd = {b.re + d.re, b.im + d.im};
                point even = {a.re - c.re, a.im - c.im}, odd = {d.im - b.im, b.re - d.re};
                point *to = y + q + s * 4 * p;
                to[0] = (point){ac.re + bd.re, ac.im + bd.im};
                to[s] = turned((point){even.re - odd.re, even.im - odd.im}, by);
                to[2 * s] = turned((point){ac.re - bd.re, ac.im - bd.im}, 2 * by);
                to[3 * s] = turned((point){even.re + odd.re, even.im + odd.im}, 3 * by);
            }
        }
        point *other = x;
        x = y;
        y = other;
    }
    return x;
}

/* Power spectra of `count` frames of one signal that begin HOP samples apart, (count, BINS). */
void spectra(const float *signal, int count, float *power) {
    static point x[HALF], y[HALF];
    static lanes bins[BINS];
    for (int first = 0; first < count; first += LANES) {
        int here = count - first < LANES ? count - first : LANES;
        memset(x, 0, sizeof x);
        for (int lane = 0; lane < here; lane++) {
            const float *frame = signal + (first + lane) * HOP;
            for (int n = 0; n < HALF; n++) {
                x[n].re[lane] = frame[2 * n] * window[2 * n];
                x[n].im[lane] = frame[2 * n + 1] * window[2 * n + 1];
            }
        }
        point *z = transform(x, y);
        for (int k = 0; k <= HALF; k++) { /* from the complex transform to that of the real signal */
            point a = z[k % HALF], b = z[(HALF - k) % HALF];
            point even = {(a.re + b.re) * 0.5f, (a.im - b.im) * 0.5f};
            point odd = turned((point){(a.im + b.im) * 0.5f, (b.re - a.re) * 0.5f}, k);
            lanes re = even.re + odd.re, im = even.im + odd.im;
            bins[k] = (re * re + im * im) * scale;
        }
        for (int lane = 0; lane < here; lane++)
            for (int k = 0; k < BINS; k++) power[(first + lane) * BINS + k] = bins[k][lane];
    }
}

typedef struct {
    float threshold;
    int32_t feature;
    int64_t child;
} node;

/* Sums of the shares of 4 classes that all trees say of (rows, width) vectors, (rows, 4). The first nodes are the
   trees' roots; `says` is which shares a leaf says, -1 for branches. */
void walk(const node *nodes, int trees, const int32_t *says, const double *shares, const float *vectors, int rows,
          int width, double *sums) {
    for (int tree = 0; tree < trees; tree++) {
        for (int row = 0; row < rows; row++) {
            const float *vector = vectors + (int64_t)row * width;
            int64_t at = tree;
            while (says[at] < 0)
                at = nodes[at].child + (vector[nodes[at].feature] > nodes[at].threshold);
            for (int one = 0; one < 4; one++) sums[row * 4 + one] += shares[(int64_t)says[at] * 4 + one];
        }
    }
}

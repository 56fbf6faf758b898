//! Weight formats: how each block type unpacks, exactly, to f32.

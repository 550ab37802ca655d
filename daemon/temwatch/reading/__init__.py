"""Files of microscopes in, frames out."""
